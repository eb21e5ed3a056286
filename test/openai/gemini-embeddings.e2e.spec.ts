import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeUpstream, json, startFakeUpstream } from '../fakes/fake-upstream.js';
import { startService, type TestService } from '../service.js';
import { mustRegister, stopAll } from './models.js';

const MODEL = 'gemini/vectors';

let service: TestService;
let upstream: FakeUpstream;
let client: OpenAI;
beforeAll(async () => {
  service = await startService();
  client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
  upstream = await startFakeUpstream((response, request) => {
    const { requests } = JSON.parse(request.body) as { readonly requests: readonly unknown[] };
    const embeddings = requests.map((_, index) => ({ values: [index, 0.5, -1] }));
    json({ embeddings })(response, request);
  });
  await mustRegister(service, worker());
});
afterAll(() => stopAll(service, { stop: () => upstream.close() }));

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
    const request = { model: MODEL, input: ['a', 'b'], dimensions: 3 };
    const { data } = await client.embeddings.create(
      encoding_format === 'float' ? { ...request, encoding_format } : request,
    );
    expect(data.map(({ embedding }) => [...embedding])).toEqual([
      [0, 0.5, -1],
      [1, 0.5, -1],
    ]);
    const { url, body, headers } = upstream.requests.at(-1) ?? {};
    expect(url).toMatch(/\/models\/gemini-embedding-001:batchEmbedContents$/);
    expect(headers?.['x-goog-api-key']).toBe('k');
    expect(JSON.parse(body ?? '')).toEqual({
      requests: ['a', 'b'].map((text) => ({
        model: 'models/gemini-embedding-001',
        content: { parts: [{ text }] },
        outputDimensionality: 3,
      })),
    });
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
    expect([status, tried]).toMatchObject([200, { extracted: '[[0,0.5,-1]]' }]);
  });
});
