import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BAD_CHATS, BAD_OPENAI_CHATS } from '../fixtures/bad-chats.js';
import { BAD_REGISTRATIONS } from '../fixtures/bad-registrations.js';
import { type FakeUpstream, json, startFakeUpstream } from '../fakes/fake-upstream.js';
import { aWorker } from '../fixtures/worker.js';
import { type Answer, SELDOM_PROBED, startService, type TestService } from '../service.js';

let service: TestService;
let upstream: FakeUpstream;
beforeAll(async () => {
  [service, upstream] = await Promise.all([
    startService(SELDOM_PROBED),
    startFakeUpstream(json({ answer: 'x' })),
  ]);
  await service.register(aWorker(upstream, { model_name: 'm' }));
});
afterAll(async () => {
  await upstream.close();
  await service.stop();
});

/** The fields that a 400 in JSON names, each with its problem. */
function fieldsNamedBy(answer: Answer): readonly string[] {
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    400,
    'application/json; charset=utf-8',
  ]);
  expect(answer.text).not.toMatch(/node_modules|\.[jt]s:\d|\bat \w+ \(|<html|\[object Object\]|undefined/);
  const { details } = answer.json as { details: readonly { field: string; problem: string }[] };
  for (const { problem } of details) expect(problem).toMatch(/^\S.{9,}/);
  return details.map(({ field }) => field);
}

const noErrors = () => service.log.filter(({ level }) => Number(level) >= 50);

describe('a malformed registration', () => {
  it.each(BAD_REGISTRATIONS)('gets a 400 that names its fields: %s', async (_, body, ...fields) => {
    const sent = (typeof body === 'string' ? body : JSON.stringify(body)).replace('URL/', `${upstream.url}/`);
    const answer = await service.post('/api/server/register', sent);
    expect(new Set(fieldsNamedBy(answer))).toEqual(new Set(fields));
    const { success, msg } = answer.json as { success: boolean; msg: string };
    expect(success).toBe(false);
    for (const field of fields) expect(msg).toContain(field);
  });

  it('registers nothing and logs no error', async () => {
    const list = await service.get('/api/server/workers');
    expect((list.json as { data: unknown[] }).data).toHaveLength(1);
    expect(noErrors()).toEqual([]);
  });

  it('gets a 400 if it points at this service, in any spelling', async () => {
    const { port } = new URL(service.url);
    for (const host of [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '127.1',
      '0x7f000001',
      'LOCALHOST.',
      '[::ffff:127.0.0.1]',
    ]) {
      const req_url_template = `http://${host}:${port}/api/v1/chat/completions`;
      expect(fieldsNamedBy(await service.register(aWorker(upstream, { req_url_template })))).toEqual([
        'req_url_template',
      ]);
    }
  });

  it('gets at most 50 of thousands of faults', async () => {
    const keys = Array.from({ length: 20_000 }, (_, index) => [`${'k'.repeat(400)}${index}`, 1]);
    const answer = await service.register(Object.fromEntries(keys) as Record<string, unknown>);
    expect(answer.status).toBe(400);
    expect(answer.text.length).toBeLessThan(100_000);
    expect(answer.text).toMatch(/and \d+ more/);
  });
});

describe('a malformed request to take a worker offline', () => {
  it.each([
    ['an empty object', {}, ['model_name', 'req_url_template']],
    [
      'wrong types',
      { model_name: 1, req_url_template: [], name: {} },
      ['model_name', 'req_url_template', 'name'],
    ],
    [
      'U+0000',
      { model_name: 'a\0', req_url_template: 'http://h/\0', name: '\0' },
      ['model_name', 'req_url_template', 'name'],
    ],
    ['unknown fields', { model_name: 'm', req_url_template: 'http://h/', id: 1 }, ['id']],
  ])('gets a 400 that names its fields: %s', async (_, body, fields) => {
    const answer = await service.post('/api/server/offline', body);
    expect(fieldsNamedBy(answer)).toEqual(fields);
  });
});

describe('a malformed chat', () => {
  it.each(BAD_CHATS)('gets a 400 that names its fields: %s', async (_, body, ...fields) => {
    const answer = await service.post('/api/v1/chat/completions', body);
    expect(new Set(fieldsNamedBy(answer))).toEqual(new Set(fields));
    const { success, msg } = answer.json as { success: boolean; msg: string };
    expect(success).toBe(false);
    for (const field of fields) expect(msg).toContain(field);
  });

  it.each(BAD_OPENAI_CHATS)(
    'gets a 400 in OpenAI’s envelope that names its fields: %s',
    async (_, body, ...fields) => {
      const answer = await service.post('/api/v1/chat/completions', body);
      expect(new Set(fieldsNamedBy(answer))).toEqual(new Set(fields));
      const { error } = answer.json as { error: { message: string; type: string; param: string } };
      expect(error).toMatchObject({ type: 'invalid_request_error', param: fields[0] });
      for (const field of fields) expect(error.message).toContain(field);
    },
  );

  it('reaches no worker and logs no error', () => {
    expect(upstream.calls).toBe(0);
    expect(noErrors()).toEqual([]);
  });

  it('gets a 404 for a model name that no worker can have (U+0000, lone surrogates)', async () => {
    for (const model of ['a\0b', '\ud800', '__proto__', 'constructor', "'; DROP TABLE worker; --"])
      expect((await service.chat(model, 'x')).status).toBe(404);
    expect(noErrors()).toEqual([]);
  });
});

describe('any JSON at all', () => {
  const REGISTRATION = [
    'model_name',
    'body',
    'header',
    'req_param',
    'defaults',
    'timeouts',
    'labels',
    'name',
  ];
  const CHAT = ['input', 'messages', 'model', 'temperature', 'max_tokens', 'stream', 'constructor'];
  /** Objects that have some of these fields, and anything in them. */
  const withFields = (names: readonly string[]) => {
    const text = fc.string({
      unit: fc.constantFrom('a', '{', '}', '"', '[', '.', '\0', '\ud800', '{USER_PROMPT}'),
    });
    const value = fc.oneof(fc.jsonValue(), text, fc.dictionary(text, fc.jsonValue()), fc.double());
    return fc.oneof(fc.dictionary(fc.constantFrom(...names), value), fc.jsonValue());
  };

  it.each([
    ['/api/server/register', REGISTRATION, { req_url_template: 'http://upstream.example/{USER_PROMPT}' }],
    ['/api/server/offline', ['model_name', 'req_url_template', 'name'], {}],
    ['/api/v1/chat/completions', CHAT, {}],
  ])('gets a JSON answer without a server error: %s', async (path, names, rest) => {
    await fc.assert(
      fc.asyncProperty(withFields(names), async (sent) => {
        const body = typeof sent === 'object' && !Array.isArray(sent) ? { ...rest, ...sent } : sent;
        const { status, json: answered } = await service.post(path, JSON.stringify(body));
        expect(status).toBeLessThan(500);
        expect(answered).toBeTypeOf('object');
      }),
      { numRuns: 150 },
    );
    expect(noErrors()).toEqual([]);
  });
});
