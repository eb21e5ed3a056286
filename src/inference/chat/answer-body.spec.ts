import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PRESETS } from '../../registry/presets/presets.js';
import { presetFixture } from '../../../test/fixtures/presets/fixture.js';
import { StreamMonitor } from '../passthrough/stream-monitor.js';
import { errorMessageOf } from './answer-body.js';

const erring = Object.keys(PRESETS).filter((name) => PRESETS[name]?.protocol !== 'template');

it.each(erring.filter((name) => presetFixture(name).error !== undefined))(
  'finds what an error of %s says',
  (name) => {
    const body = JSON.stringify(presetFixture(name).error?.body);
    const message = errorMessageOf(body);
    expect(message).toMatch(/\w{3}/);
    expect(body).toContain(JSON.stringify(message));
  },
);

it.each([
  '',
  '[]',
  'null',
  '""',
  '{}',
  '{"messages":"hello"}',
  '{"error":{}}',
  '{"object":"error"}',
  '<html>',
])('finds none in %s', (text) => {
  expect(errorMessageOf(text)).toBeUndefined();
});

// Of Gemini's streamGenerateContent, and of Ollama [https://docs.ollama.com/api/errors].
it.each(['[{"error":{"code":400,"message":"no"}}]', '{"error":"no"}', '"no"', '{"message":"no"}', 'no'])(
  'finds what %s says',
  (text) => {
    expect(errorMessageOf(text)).toBe('no');
  },
);

it('finds words that are not too many, or none, in whatever came', () => {
  const errors = fc.string({ size: 'large' }).map((error) => JSON.stringify({ error }));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), errors), (text) => {
      const message = errorMessageOf(text);
      expect(message === undefined || (message !== '' && message.length <= 2000)).toBe(true);
    }),
  );
});

it.each([
  ['server_error', 'bad_answer'],
  ['rate_limit_exceeded', 'throttled'],
  ['invalid_prompt', undefined],
  ['image_content_policy_violation', undefined],
])('takes a response that failed by %s for a failure of the worker: %s', (code, kind) => {
  const raw = { dialect: 'openai', path: '/responses' } as const;
  const monitor = new StreamMonitor(raw);
  const response = { object: 'response', status: 'failed', error: { code, message: 'it broke' } };
  monitor.scan(Buffer.from(`data: ${JSON.stringify({ type: 'response.failed', response })}\n\n`));
  expect([monitor.failure?.kind, monitor.hasError, monitor.isEnded]).toEqual([kind, true, true]);
});

it.each([
  [
    'anthropic',
    '/messages',
    { type: 'error', error: { type: 'overloaded_error', message: 'm' } },
    'overloaded',
  ],
  [
    'anthropic',
    '/messages',
    { type: 'error', error: { type: 'rate_limit_error', message: 'm' } },
    'throttled',
  ],
  ['anthropic', '/messages', { type: 'error', error: { type: 'api_error', message: 'm' } }, 'bad_answer'],
  ['openai', '/chat/completions', { error: { code: 'rate_limit_exceeded', message: 'm' } }, 'throttled'],
  ['openai', '/chat/completions', { error: { code: 503, message: 'm' } }, 'unavailable'],
  ['openai', '/chat/completions', { error: { code: 401, message: 'm' } }, 'credentials_rejected'],
  ['openai', '/completions', { error: { message: 'it broke' } }, 'bad_answer'],
  ['openai', '/chat/completions', { error: { type: 'invalid_request_error', message: 'm' } }, undefined],
] as const)('takes an error in a stream of %s%s for what its type says: %o', (dialect, path, event, kind) => {
  const monitor = new StreamMonitor({ dialect, path });
  monitor.scan(Buffer.from(`data: ${JSON.stringify(event)}\n\n`));
  expect([monitor.failure?.kind, monitor.hasError]).toEqual([kind, true]);
});
