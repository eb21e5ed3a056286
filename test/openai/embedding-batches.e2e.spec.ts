import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeUpstream, json, startFakeUpstream } from '../fakes/fake-upstream.js';
import { startStrictGemini } from '../fakes/strict-gemini.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { mustRegister, stopAll } from './models.js';

const MODEL = 'gemini/vectors';

let service: TestService;
let upstream: FakeUpstream;
let client: OpenAI;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
  upstream = await startStrictGemini('gemini', () => []);
  await mustRegister(service, worker());
});
afterAll(() => stopAll(service, { stop: () => upstream.close() }));

function textsIn(body: string): readonly string[] {
  const { requests } = JSON.parse(body) as {
    readonly requests: readonly {
      readonly content: { readonly parts: readonly { readonly text: string }[] };
    }[];
  };
  return requests.map(({ content }) => content.parts[0]?.text ?? '');
}

const worker = () => ({
  preset: 'gemini',
  model_name: MODEL,
  upstream_model: 'gemini-embedding-001',
  task: 'embedding',
  base_url: upstream.url,
  api_key: 'k',
});

describe('Embeddings of a gemini worker', () => {
  it.each(['base64', 'float'] as const)("reach OpenAI's client as %s", async (encoding_format) => {
    const request = { model: MODEL, input: ['0', '1'], dimensions: 3 };
    const { data } = await client.embeddings.create(
      encoding_format === 'float' ? { ...request, encoding_format } : request,
    );
    expect(data.map(({ embedding }) => [...embedding])).toEqual([
      [0, 0.5, 0.5],
      [1, 0.5, 0.5],
    ]);
    const { url, body, headers } = upstream.requests.at(-1) ?? {};
    expect(url).toMatch(/\/models\/gemini-embedding-001:batchEmbedContents$/);
    expect(headers?.['x-goog-api-key']).toBe('k');
    expect(JSON.parse(body ?? '')).toEqual({
      requests: ['0', '1'].map((text) => ({
        model: 'models/gemini-embedding-001',
        content: { parts: [{ text }] },
        outputDimensionality: 3,
      })),
    });
  });

  it.each(['base64', 'float'] as const)(
    'of more texts than a batch come in their order, as %s',
    async (format) => {
      const input = Array.from({ length: 250 }, (_, index) => `text ${index}`);
      const before = upstream.requests.length;
      const { data, usage } = await client.embeddings.create({
        model: MODEL,
        input,
        encoding_format: format,
      });
      const vectors = data.map(({ embedding }) =>
        typeof embedding === 'string' ? Buffer.from(embedding, 'base64').readFloatLE(0) : embedding[0],
      );
      expect(vectors).toEqual(input.map((_, index) => index));
      expect(usage).toEqual({ prompt_tokens: 250, total_tokens: 250 });
      const sent = upstream.requests.slice(before).map(({ body }) => textsIn(body));
      expect(sent.map(({ length }) => length)).toEqual([100, 100, 50]);
      expect(sent.flat()).toEqual(input);
    },
  );

  it('fail together when one part fails', async () => {
    const input = Array.from({ length: 201 }, (_, index) => (index === 150 ? 'refuse me' : `text ${index}`));
    const refused = client.embeddings.create({ model: MODEL, input });
    await expect(refused).rejects.toMatchObject({ status: 400 });
  });

  it('accept texts only, and no chat', async () => {
    for (const input of [[[1, 2]], [1, 2], ['text', [1]] as unknown as string[]])
      await expect(client.embeddings.create({ model: MODEL, input })).rejects.toMatchObject({
        status: 400,
        param: 'input',
        message: expect.stringContaining('check_embedding_ctx_length=False') as unknown,
      });
    const messages = [{ role: 'user' as const, content: 'hi' }];
    const chat = client.chat.completions.create({ model: MODEL, messages });
    await expect(chat).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('does embedding') as string,
    });
  });

  it('work in a dry run', async () => {
    const dryRun = { prompt: 'a', call: true, worker: worker() };
    const { status, json: tried } = await service.post('/api/v1/workers/dry-run', dryRun);
    expect([status, tried]).toMatchObject([200, { extracted: '[[0,0.5,0.5]]' }]);
  });
});

describe("Embeddings of a server with OpenAI's API", () => {
  interface Body {
    readonly input: string | readonly string[];
    readonly encoding_format?: string;
    readonly dimensions?: number;
  }
  let server: FakeUpstream;
  const bodies = () => server.requests.map(({ body }) => JSON.parse(body) as Body);
  beforeAll(async () => {
    // Its answers come in no order.
    server = await startFakeUpstream((response, request) => {
      const { input } = JSON.parse(request.body) as Body;
      const texts = typeof input === 'string' ? [input] : input;
      const data = texts.map((text, index) => ({ index, embedding: [Number(text), 0.5] })).toReversed();
      const isTooMuch = texts.length > 10;
      json(
        isTooMuch
          ? { error: { message: 'batch size is invalid, it should not be larger than 10' } }
          : { object: 'list', data, model: 'm', usage: { prompt_tokens: texts.length } },
        isTooMuch ? 400 : 200,
      )(response, request);
    });
    const qwen = { preset: 'qwen', task: 'embedding', base_url: server.url, api_key: 'k' };
    await mustRegister(service, { ...qwen, model_name: 'qwen/vectors', upstream_model: 'text-embedding-v4' });
  });
  afterAll(() => server.close());

  it.each(['base64', 'float'] as const)(
    'of more texts than its batch come in several calls, as %s',
    async (format) => {
      server.requests.splice(0);
      const input = Array.from({ length: 25 }, (_, index) => `${index}`);
      const request = { model: 'qwen/vectors', input, encoding_format: format, dimensions: 2 };
      const { data, usage } = await client.embeddings.create(request);
      const vectors = data.map(({ embedding }) =>
        typeof embedding === 'string' ? Buffer.from(embedding, 'base64').readFloatLE(0) : embedding[0],
      );
      expect(vectors).toEqual(input.map(Number));
      expect(usage).toEqual({ prompt_tokens: 25, total_tokens: 25 });
      expect(bodies()).toEqual(
        [input.slice(0, 10), input.slice(10, 20), input.slice(20)].map((part) => ({
          model: 'text-embedding-v4',
          input: part,
          dimensions: 2,
        })),
      );
    },
  );

  it('of no more texts than its batch are passed through', async () => {
    server.requests.splice(0);
    const sent = { model: 'qwen/vectors', input: ['1', '2'], encoding_format: 'float', own: [1.5] };
    const { json: answer } = await service.post('/v1/embeddings', sent);
    expect(bodies()).toEqual([{ ...sent, model: 'text-embedding-v4' }]);
    expect((answer as { data: { index: number }[] }).data.map(({ index }) => index)).toEqual([1, 0]);
  });
});
