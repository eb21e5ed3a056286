import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { text } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { call } from '../management/client.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { mustRegister } from './models.js';

let service: TestService;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
});
afterAll(() => service.stop());

const SSE = { 'content-type': 'text/event-stream' };
const NDJSON = { 'content-type': 'application/x-ndjson' };
const data = (...events: readonly (object | string)[]) =>
  events.map((each) => `data: ${typeof each === 'string' ? each : JSON.stringify(each)}\n\n`).join('');
const lines = (...events: readonly object[]) => events.map((each) => `${JSON.stringify(each)}\n`).join('');
const chunk = (delta: object, finish_reason: string | null = null) => ({
  id: 'c',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason }],
});

const STREAMING = { body: { p: '{USER_PROMPT}', stream: '{STREAM}' }, is_stream: true };
const OLLAMA = { ...STREAMING, stream_extract: { text: 'response', done: { path: 'done', equals: true } } };

describe('An error in the middle of a stream', () => {
  it.each<[string, object, string, Record<string, string>]>([
    [
      'Ollama',
      OLLAMA,
      lines({ response: 'half', done: false }, { error: 'an error was encountered while running the model' }),
      NDJSON,
    ],
    [
      'FastChat',
      { ...STREAMING, stream_extract: { text: 'text', delta: false } },
      lines({ text: 'half', error_code: 0 }, { text: 'NETWORK ERROR', error_code: 50002 }),
      { 'content-type': 'text/plain' },
    ],
    [
      'a server that violates success_when',
      { ...STREAMING, stream_extract: { text: 't' }, success_when: { path: 'ok', equals: true } },
      data({ ok: true, t: 'half' }, { t: '.' }, { ok: false, t: 'NETWORK ERROR' }),
      SSE,
    ],
    [
      'vLLM',
      { protocol: 'openai' },
      data(chunk({ content: 'half' }), { error: { message: 'EngineCore died', code: 500 } }, '[DONE]'),
      SSE,
    ],
    [
      "FastChat's OpenAI API",
      { protocol: 'openai' },
      data(chunk({ content: 'half' }), { text: 'NETWORK ERROR', error_code: 50002 }, '[DONE]'),
      SSE,
    ],
    [
      'Gemini',
      { protocol: 'gemini' },
      data(
        { candidates: [{ content: { parts: [{ text: 'half' }] } }] },
        { error: { code: 503, message: 'overloaded', status: 'UNAVAILABLE' } },
      ),
      SSE,
    ],
  ])('of %s is reported as an error, not as text', async (_server, worker, wire, headers) => {
    const upstream = await upstreamForTest(text(wire, 200, headers));
    const isApi = 'protocol' in worker;
    const registration = isApi
      ? { model_name: `failing-${wire.length}`, req_url_template: `${upstream.url}/v1`, ...worker }
      : aWorker(upstream, { ...worker });
    await mustRegister(service, registration);
    const request = { model_name: registration.model_name, input: 'hello', stream: true };
    const { status, text: answer } = await service.post('/api/v1/chat/completions', request);
    expect([status, answer]).toEqual([200, expect.stringContaining('"content":"half"')]);
    expect(answer).not.toContain('"content":"NETWORK');
    expect(answer).not.toContain('[DONE]');
    expect(answer.trimEnd().split('\n').at(-1)).toMatch(
      /^data: \{"error":\{"message":"worker execute error: /,
    );
  });

  it('reaches the client unchanged when passed through', async () => {
    const wire = data(chunk({ content: 'half' }), { error: { message: 'EngineCore died' } }, '[DONE]');
    const upstream = await upstreamForTest(text(wire, 200, SSE));
    const base = { req_url_template: `${upstream.url}/v1`, protocol: 'openai' };
    await mustRegister(service, { model_name: 'failing-passed', ...base });
    const messages = [{ role: 'user', content: 'hello' }];
    const request = { model: 'failing-passed', messages, stream: true };
    expect((await service.post('/v1/chat/completions', request)).text).toBe(wire);
  });

  it('fails a whole answer, even from an upstream that always streams', async () => {
    const wire = lines({ response: 'half', done: false }, { error: 'oh' });
    const upstream = await upstreamForTest(text(wire, 200, NDJSON));
    const worker = aWorker(upstream, { ...OLLAMA, body: { p: '{USER_PROMPT}' } });
    await mustRegister(service, worker);
    const { status, json } = await service.chat(worker.model_name, 'hello');
    expect([status, json]).toMatchObject([
      502,
      { success: false, msg: expect.stringContaining('reported an error within its stream') as string },
    ]);
  });
});

describe('A stream whose end marker is null', () => {
  const stream_extract = { text: 't', done: { path: 'next', equals: null } };

  it('is registered and read as written', async () => {
    const wire = lines({ t: 'a', next: 1 }, { t: 'b', next: null }, { t: 'not any more', next: 2 });
    const upstream = await upstreamForTest(text(wire, 200, NDJSON));
    const { worker } = await call(service, 'POST', '', aWorker(upstream, { ...STREAMING, stream_extract }));
    expect(worker['stream_extract']).toEqual(stream_extract);
    expect((await call(service, 'GET', `/${worker.id}`)).worker['stream_extract']).toEqual(stream_extract);
    const request = { model_name: worker.model_name, input: 'hello', stream: true };
    const answer = await service.post('/api/v1/chat/completions', request);
    const texts = [...answer.text.matchAll(/"content":"([^"]*)"/g)].map(([, each]) => each);
    expect([texts, answer.text.endsWith('data: [DONE]\n\n')]).toEqual([['a', 'b'], true]);
  });

  it('is not lost by a PATCH that sends it back, which is rejected instead', async () => {
    const anything = { url: 'http://127.0.0.1:9' };
    const { worker } = await call(service, 'POST', '', aWorker(anything, { ...STREAMING, stream_extract }));
    const { status, fields } = await call(service, 'PATCH', `/${worker.id}`, { stream_extract });
    expect([status, fields]).toEqual([400, ['stream_extract.done.equals']]);
    const put = await call(service, 'PUT', '', {
      ...aWorker(anything, { ...STREAMING, stream_extract }),
      model_name: worker.model_name,
    });
    expect([put.status, put.worker.generation]).toEqual([200, worker.generation]);
  });
});

/** What each vendor reports while it has no capacity, after a status of 200, and what clients make of such a status. */
const BUSY = {
  anthropic: {
    worker: { protocol: 'anthropic', upstream_model: 'claude-sonnet-4-5' },
    error: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
    half: data(
      { type: 'message_start', message: { id: 'm', usage: { input_tokens: 1, output_tokens: 1 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: 'half' } },
    ),
    status: 503,
  },
  openai: {
    worker: { protocol: 'openai', profile: { responses: false } },
    error: { error: { message: 'Slow down', type: 'requests', code: 'rate_limit_exceeded' } },
    half: data(chunk({ content: 'half' })),
    status: 429,
  },
  gemini: {
    worker: { protocol: 'gemini', upstream_model: 'gemini-3-flash' },
    error: { error: { code: 429, message: 'Quota', status: 'RESOURCE_EXHAUSTED' } },
    half: data({ candidates: [{ content: { role: 'model', parts: [{ text: 'half' }] } }] }),
    status: 429,
  },
} as const;

describe.each(Object.entries(BUSY))('A worker of %s that is busy after a status of 200', (kind, vendor) => {
  const messages = [{ role: 'user', content: 'hi' }];
  const chat = { messages, max_tokens: 9 };
  async function busy(answer: string, type: Record<string, string>): Promise<string> {
    const upstream = await upstreamForTest(text(answer, 200, type));
    const model = `busy-${kind}-${upstream.url}`;
    await mustRegister(service, {
      model_name: model,
      req_url_template: `${upstream.url}/v1`,
      health_check: { kind: 'none' },
      ...vendor.worker,
    });
    return model;
  }

  it('is busy for each client, by the status', async () => {
    const model = await busy(JSON.stringify(vendor.error), { 'content-type': 'application/json' });
    const type = vendor.status === 429 ? 'rate_limit_error' : 'overloaded_error';
    const claude = await service.post(
      '/v1/messages',
      { model, ...chat },
      { 'anthropic-version': '2023-06-01' },
    );
    expect([claude.status, claude.json]).toMatchObject([vendor.status, { error: { type } }]);
    for (const [path, body] of [
      ['/v1/chat/completions', chat],
      ['/v1/responses', { input: 'hi' }],
    ] as const)
      expect([path, (await service.post(path, { model, ...body })).status]).toEqual([path, vendor.status]);
  });

  it('is busy in the middle of a stream, by the type of the error', async () => {
    const model = await busy(vendor.half + data(vendor.error), SSE);
    const events = async (path: string, body: object) =>
      (await service.post(path, { model, stream: true, ...body })).text;
    const isLimit = vendor.status === 429;
    const claude = await events('/v1/messages', chat);
    expect(claude).toContain('half');
    expect(claude).toContain(`"type":"${isLimit ? 'rate_limit_error' : 'overloaded_error'}"`);
    const response = await events('/v1/responses', { input: 'hi' });
    expect(response).toContain(`"code":"${isLimit ? 'rate_limit_exceeded' : 'server_error'}"`);
  });
});

describe('A worker that says after a status of 200 that the chat is too long', () => {
  it('says so in the words and the code that each client reads', async () => {
    const error = { error: { message: "This model's maximum context length is 4096 tokens.", code: 400 } };
    const upstream = await upstreamForTest(
      text(JSON.stringify(error), 200, { 'content-type': 'application/json' }),
    );
    const model = 'too-long';
    await mustRegister(service, {
      model_name: model,
      protocol: 'openai',
      profile: { responses: false },
      req_url_template: `${upstream.url}/v1`,
      health_check: { kind: 'none' },
    });
    const messages = [{ role: 'user', content: 'hi' }];
    const claude = await service.post('/v1/messages', { model, max_tokens: 9, messages });
    expect([claude.status, claude.json]).toMatchObject([
      400,
      {
        error: {
          type: 'invalid_request_error',
          message: expect.stringMatching(/^prompt is too long/) as string,
        },
      },
    ]);
    const response = await service.post('/v1/responses', { model, input: 'hi' });
    expect([response.status, response.json]).toMatchObject([
      400,
      { error: { code: 'context_length_exceeded' } },
    ]);
  });
});
