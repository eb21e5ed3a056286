import { afterAll, beforeAll, expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { mustRegister, stopAll } from './models.js';

let service: TestService;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
});
afterAll(() => stopAll(service));

const OPENAI = json({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
});
const ANTHROPIC = json({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [{ type: 'text', text: 'hi' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
});
const GEMINI = json({
  candidates: [{ content: { role: 'model', parts: [{ text: 'hi' }] }, finishReason: 'STOP' }],
});

const HINTS = { ignore_eos: true, reasoning_effort: 'low', seed: 7, top_p: 0.5, größe: 1, logit_bias: null };

it.each([
  ['a template', json({ answer: 'hi' }), null, 'ignore_eos, reasoning_effort, seed, top_p'],
  [
    'Anthropic',
    ANTHROPIC,
    { protocol: 'anthropic', upstream_model: 'claude-3-5-haiku-latest' },
    'ignore_eos, seed',
  ],
  ['Gemini', GEMINI, { protocol: 'gemini', upstream_model: 'gemini-2.5-flash' }, 'ignore_eos'],
  ['OpenAI, passed through', OPENAI, { protocol: 'openai' }, null],
] as const)(
  'shows in a header which fields %s has no place for, whole and as a stream',
  async (name, answer, protocol, ignored) => {
    const upstream = await upstreamForTest(answer);
    const model = `ignores-${name}`;
    await mustRegister(
      service,
      protocol === null
        ? aWorker(upstream, { model_name: model })
        : { model_name: model, req_url_template: `${upstream.url}/v1`, ...protocol },
    );
    const chat = { model, messages: [{ role: 'user', content: 'hi' }] };
    for (const more of [{}, { stream: true }]) {
      const hinted = await service.post('/v1/chat/completions', { ...chat, ...HINTS, ...more });
      expect([hinted.status, hinted.headers.get('x-mmm-ignored')]).toEqual([200, ignored]);
      const plain = await service.post('/v1/chat/completions', { ...chat, ...more });
      expect([plain.status, plain.headers.get('x-mmm-ignored')]).toEqual([200, null]);
    }
  },
);

it('shows it of a profile that rejects a field, of a completion, and not of a client whose fields have other names', async () => {
  const upstream = await upstreamForTest(OPENAI);
  const worker = { protocol: 'openai', req_url_template: `${upstream.url}/v1` };
  const profile = { rejects: ['logit_bias'], completions: false };
  await mustRegister(service, { model_name: 'rejects', ...worker, profile });
  const completion = await service.post('/v1/completions', {
    model: 'rejects',
    prompt: 'x',
    logit_bias: { '5': 1 },
    seed: 1,
  });
  expect([completion.status, completion.headers.get('x-mmm-ignored')]).toEqual([200, 'logit_bias']);
  const message = await service.post('/v1/messages', {
    model: 'rejects',
    max_tokens: 5,
    messages: [{ role: 'user', content: 'x' }],
    top_k: 5,
  });
  expect([message.status, message.headers.get('x-mmm-ignored')]).toEqual([200, null]);
});

it('names the models that call tools to a client whose model is called by a template', async () => {
  const upstream = await upstreamForTest(json({ answer: 'hi' }));
  await mustRegister(service, aWorker(upstream, { model_name: 'without-tools' }));
  await mustRegister(service, {
    model_name: 'with-tools',
    protocol: 'openai',
    req_url_template: `${upstream.url}/v1`,
  });
  const tool = { name: 'now', description: 'the time', parameters: { type: 'object', properties: {} } };
  const chat = { model: 'without-tools', messages: [{ role: 'user', content: 'hi' }] };
  for (const [path, body] of [
    ['/v1/chat/completions', { ...chat, tools: [{ type: 'function', function: tool }] }],
    ['/v1/messages', { ...chat, max_tokens: 5, tools: [{ name: 'now', input_schema: tool.parameters }] }],
  ] as const) {
    const { status, text } = await service.post(path, body);
    expect([path, status, text]).toEqual([path, 400, expect.stringContaining('with-tools')]);
    expect(text).toContain('this model calls no tools');
  }
});

it.each([
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }] }, OPENAI, 'openai'],
  ['/v1/responses', { input: 'x' }, json({ id: 'resp_1', object: 'response', output: [] }), 'openai'],
  ['/v1/messages', { messages: [{ role: 'user', content: 'x' }], max_tokens: 5 }, ANTHROPIC, 'anthropic'],
] as const)(
  'shows what is left out of a request to %s that is passed through',
  async (path, body, answer, protocol) => {
    const upstream = await upstreamForTest(answer);
    const model = `passed ${path}`;
    const responses = protocol === 'openai' ? { responses: true } : {};
    await mustRegister(service, {
      model_name: model,
      protocol,
      req_url_template: `${upstream.url}/v1`,
      profile: { rejects: ['seed', 'user', 'stream_options'], sampling: 'none', ...responses },
    });
    const hints = { seed: 7, user: null, stream_options: { include_usage: true }, temperature: 0.5, x: 1 };
    for (const stream of [false, true]) {
      const sent = await service.post(path, { model, ...body, ...hints, stream });
      expect([sent.status, sent.headers.get('x-mmm-ignored')]).toEqual([200, 'seed, temperature']);
      expect(JSON.parse(upstream.requests.at(-1)?.body ?? '')).toEqual({ model, ...body, x: 1, stream });
      const plain = await service.post(path, { model, ...body, stream });
      expect([plain.status, plain.headers.get('x-mmm-ignored')]).toEqual([200, null]);
    }
  },
);
