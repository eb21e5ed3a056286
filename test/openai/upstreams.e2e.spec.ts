import Anthropic from '@anthropic-ai/sdk';
import { LLMock } from '@copilotkit/aimock';
import OpenAI, { type APIError } from 'openai';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { mustRegister, stopAll } from './models.js';

let service: TestService;
let openai: OpenAI;
let anthropic: Anthropic;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: service.url, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => stopAll(service));

const KEY = 'sk-of-the-upstream';
const PRESETS = [
  { preset: 'openai', base: '/v1' },
  { preset: 'ollama', base: '' },
  { preset: 'anthropic', base: '' },
  { preset: 'gemini', base: '' },
] as const;
/** Ollama with its own API, by a template. */
const BY_TEMPLATE = { preset: null, base: '/api/chat' } as const;
type Kind = (typeof PRESETS)[number] | typeof BY_TEMPLATE;
const KINDS: readonly (Kind & { readonly kind: string })[] = [
  ...PRESETS.map((each) => ({ ...each, kind: `registered by the preset ${each.preset}` })),
  { ...BY_TEMPLATE, kind: "registered by a template for Ollama's own API" },
];

async function mockForTest(): Promise<LLMock> {
  const mock = new LLMock({ port: 0, host: '127.0.0.1', logLevel: 'silent' });
  await mock.start();
  onTestFinished(() => mock.stop());
  return mock;
}

let made = 0;
/** One model with a worker for each of these upstreams. */
async function modelAt({ preset, base }: Kind, ...mocks: readonly LLMock[]): Promise<string> {
  const model = `faulty/${preset}-${(made += 1)}`;
  for (const { url } of mocks)
    await mustRegister(service, {
      model_name: model,
      upstream_model: 'real',
      ...(preset === null ? ollamaTemplate(url + base) : { preset, base_url: url + base, api_key: KEY }),
    });
  return model;
}

/** https://docs.ollama.com/api/chat */
function ollamaTemplate(url: string): object {
  return {
    req_url_template: url,
    header: { authorization: `Bearer ${KEY}` },
    body: { model: '{MODEL_NAME}', messages: '{MESSAGES}', stream: '{STREAM}' },
    response_extract: 'message.content',
    usage_extract: { input: 'prompt_eval_count', output: 'eval_count' },
    is_stream: true,
    stream_extract: { text: 'message.content', done: { path: 'done', equals: true } },
  };
}

const requestFor = (model: string) => ({ model, messages: [{ role: 'user' as const, content: 'hello' }] });

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => error,
  );
}

async function readToEnd(stream: AsyncIterable<unknown>): Promise<number> {
  let pieces = 0;
  for await (const piece of stream) pieces += piece === undefined ? 0 : 1;
  return pieces;
}

/** The text that reached the client, and whether the stream ended as complete. */
async function rawStream(path: string, body: object) {
  const response = await fetch(service.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, stream: true }),
  });
  return { status: response.status, text: await response.text() };
}

describe.each(KINDS)('An upstream $kind', (kind) => {
  it.each([
    ['answers 429', { rateLimitRate: 1 }],
    ['answers 500', { dropRate: 1 }],
    ['hangs up', { disconnectRate: 1 }],
  ])('that %s is replaced by another', async (_how, chaos) => {
    const [busy, free] = [await mockForTest(), await mockForTest()];
    busy.setChaos(chaos);
    free.onMessage('hello', { content: 'from the other' });
    const model = await modelAt(kind, busy, free);
    for (let i = 0; i < 4; i++) {
      const answer = await openai.chat.completions.create(requestFor(model));
      expect(answer.choices[0]?.message.content).toBe('from the other');
      const stream = openai.chat.completions.stream(requestFor(model));
      expect(await stream.finalContent()).toBe('from the other');
    }
  });

  it('that cuts off a stream never looks complete', async () => {
    const cutting = await mockForTest();
    cutting.onMessage(
      'hello',
      { content: 'This answer never comes to its end.' },
      { chunkSize: 4, truncateAfterChunks: 4, latency: 10 },
    );
    const model = await modelAt(kind, cutting);
    const { status, text } = await rawStream('/v1/chat/completions', requestFor(model));
    expect([status, text.includes('[DONE]')]).toEqual([200, false]);
    expect(text.trimEnd().split('\n').at(-1)).toMatch(/^data: \{"error":\{"message":"worker execute error: /);
    const stream = await openai.chat.completions.create({ ...requestFor(model), stream: true });
    await expect(readToEnd(stream)).rejects.toThrow('worker execute error');

    const events = await rawStream('/v1/messages', { ...requestFor(model), max_tokens: 9 });
    expect([events.status, events.text.includes('message_stop')]).toEqual([200, false]);
    expect(events.text).toMatch(
      /event: error\ndata: \{"type":"error","error":\{"type":"api_error"[^\n]*\n\n$/,
    );
  });

  it('that sends garbage is reported as a failure', async () => {
    const mad = await mockForTest();
    mad.setChaos({ malformedRate: 1 });
    const model = await modelAt(kind, mad);
    for (const stream of [false, true]) {
      const { status, text } = await service.post('/api/v1/chat/completions', {
        ...requestFor(model),
        stream,
      });
      expect([status, text]).toEqual([502, expect.stringContaining('worker execute error')]);
      expect(text).not.toMatch(/chaos|\[DONE\]/);
    }
  });

  it('that is slow still answers, whole and streamed', async () => {
    const late = await mockForTest();
    late.setChaos({ latencyMs: 150 });
    late.onMessage('hello', { content: 'at last' });
    const model = await modelAt(kind, late);
    const { data, response } = await openai.chat.completions.create(requestFor(model)).withResponse();
    expect(data.choices[0]?.message.content).toBe('at last');
    expect(Number(response.headers.get('x-mmm-upstream-ms'))).toBeGreaterThan(100);
    expect(await openai.chat.completions.stream(requestFor(model)).finalContent()).toBe('at last');
  });

  it('that rejects the key is a 502 that hides all secrets', async () => {
    const locked = await mockForTest();
    locked.onMessage('hello', { error: { message: `bad key ${KEY}` }, status: 401 });
    const error = await failure(openai.chat.completions.create(requestFor(await modelAt(kind, locked))));
    expect(error).toMatchObject({ status: 502, type: 'api_error' });
    expect((error as APIError).message).toContain('worker execute error');
    expect(JSON.stringify([error, (error as Error).message])).not.toContain(KEY);
  });

  it('that fails is called only once if it is the only one', async () => {
    const dropping = await mockForTest();
    dropping.onMessage('hello', { error: { message: 'on fire', type: 'server_error' }, status: 500 });
    const model = await modelAt(kind, dropping);
    const error = await failure(openai.chat.completions.create(requestFor(model)));
    // The client may try again: nothing else was tried here.
    expect((error as APIError).headers?.get('x-should-retry')).toBeNull();
    expect((error as APIError).status).toBeGreaterThanOrEqual(500);
    expect((error as APIError).headers?.get('x-mmm-attempts')).toBe('1');
    expect((error as APIError).headers?.get('x-mmm-worker-id')).toMatch(/^[\da-f-]{36}$/);
    expect(dropping.getRequests()).toHaveLength(1);
  });
});

describe.each(PRESETS)('An upstream registered by the preset $preset', (preset) => {
  it('that answers 429 as the only one sends Retry-After to the client', async () => {
    const busy = await mockForTest();
    busy.onMessage('hello', { error: { message: 'slow down' }, status: 429, retryAfter: 7 });
    for (const stream of [false, true]) {
      const request = { ...requestFor(await modelAt(preset, busy)), stream };
      const error = await failure(openai.chat.completions.create(request));
      expect(error).toBeInstanceOf(OpenAI.RateLimitError);
      const { headers, message } = error as APIError;
      expect([headers?.get('retry-after'), headers?.get('x-should-retry')]).toEqual(['7', null]);
      expect(message).toContain('slow down');
      expect(headers?.get('x-mmm-attempts')).toBe('1');
    }
    const error = await failure(
      anthropic.messages.create({ ...requestFor(await modelAt(preset, busy)), max_tokens: 9 }),
    );
    expect(error).toBeInstanceOf(Anthropic.RateLimitError);
  });
});
