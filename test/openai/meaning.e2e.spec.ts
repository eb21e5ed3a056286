import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json as answering } from '../fakes/fake-upstream.js';
import { aWorker, keyOf, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import {
  ANSWER,
  MODELS,
  mustRegister,
  registerModels,
  RICH_MODELS,
  stopAll,
  type Upstreams,
} from './models.js';

let service: TestService;
let upstreams: Upstreams;
let client: OpenAI;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  upstreams = await registerModels(service);
  client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => stopAll(service, upstreams));

const CHAT_PATHS = ['/v1/chat/completions', '/api/v1/chat/completions'] as const;
const messages = [{ role: 'user', content: 'hello' }] as const;

/** The chunks of an OpenAI stream, and whether it ended with the end marker. */
async function chunksOf(path: string, body: object) {
  const { status, text, headers } = await service.post(path, body);
  const data = [...text.matchAll(/^data: (.*)$/gm)].map(([, each = '']) => each);
  const isWhole = data.at(-1) === '[DONE]';
  const chunks = data
    .filter((each) => each !== '[DONE]')
    .map((each) => JSON.parse(each) as OpenAI.ChatCompletionChunk);
  return { status, headers, isWhole, chunks };
}

const textOf = (chunks: readonly OpenAI.ChatCompletionChunk[]) =>
  chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');

describe.each(MODELS)('A worker that is $kind', ({ model }) => {
  it.each(CHAT_PATHS)('reports usage at %s only with include_usage', async (path) => {
    const request = { model, messages, stream: true };
    const plain = await chunksOf(path, request);
    const counted = await chunksOf(path, { ...request, stream_options: { include_usage: true } });
    for (const { status, isWhole, chunks } of [plain, counted]) {
      expect([status, isWhole, textOf(chunks)]).toEqual([200, true, ANSWER]);
      expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
      const finishes = chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? []);
      expect(finishes).toEqual(['stop']);
      expect(new Set(chunks.map(({ id, object }) => `${id} ${object}`)).size).toBe(1);
    }
    expect(plain.chunks.some(({ usage }) => usage !== undefined && usage !== null)).toBe(false);
    expect(counted.chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
    });
  });

  it('answers with headers about request, worker and attempts', async () => {
    const headers = { 'x-request-id': 'mine-1' };
    const whole = await service.post('/v1/chat/completions', { model, messages }, headers);
    expect(whole.headers.get('x-request-id')).toBe('mine-1');
    expect(whole.headers.get('x-mmm-worker-id')).toMatch(/^[\da-f-]{36}$/);
    expect(whole.headers.get('x-mmm-attempts')).toBe('1');
    expect(Number(whole.headers.get('x-mmm-upstream-ms'))).toBeGreaterThan(0);
    expect(Number(whole.headers.get('x-mmm-overhead-ms'))).toBeGreaterThanOrEqual(0);
    const streamed = await service.post('/v1/chat/completions', { model, messages, stream: true }, headers);
    expect(streamed.headers.get('x-request-id')).toBe('mine-1');
    expect(streamed.headers.get('x-mmm-attempts')).toBe('1');
    expect(streamed.headers.get('x-mmm-upstream-ms')).toBeNull();
    expect(streamed.headers.get('cache-control')).toBe('no-cache, no-transform');
    expect(streamed.headers.get('x-accel-buffering')).toBe('no');
    expect(streamed.headers.get('content-type')).toMatch(/^text\/event-stream/);
  });

  it('answers the native API, whole and streamed', async () => {
    expect((await service.chat(model, 'hello')).json).toEqual({
      success: true,
      msg: 'execute succeed',
      result: ANSWER,
    });
    const request = { model_name: model, input: 'hello', temperature: 0.5, max_tokens: 50, stream: true };
    const { status, isWhole, chunks } = await chunksOf('/api/v1/chat/completions', request);
    expect([status, isWhole, textOf(chunks)]).toEqual([200, true, ANSWER]);
  });
});

describe.each(RICH_MODELS)('A worker that is $kind', ({ model }) => {
  it('reports errors in the native envelope or that of OpenAI, by the request', async () => {
    const native = await service.chat(model, 'too much');
    expect([native.status, native.json]).toEqual([
      502,
      { success: false, msg: expect.stringMatching(/^worker execute error: .*400/) as string },
    ]);
    const tooMuch = [{ role: 'user', content: 'too much' }];
    for (const stream of [false, true])
      for (const path of CHAT_PATHS) {
        const { status, json, headers } = await service.post(path, { model, messages: tooMuch, stream });
        expect([path, status, headers.get('x-should-retry')]).toEqual([path, 400, 'false']);
        expect(json).toMatchObject({
          error: { message: 'prompt is too long', type: 'invalid_request_error' },
        });
      }
  });

  it('finishes with length when the tokens run out', async () => {
    const request = { model, messages: [{ role: 'user' as const, content: 'run out' }] };
    const whole = await client.chat.completions.create(request);
    expect(whole.choices[0]?.finish_reason).toBe('length');
    const streamed = await client.chat.completions.stream(request).finalChatCompletion();
    expect(streamed.choices[0]?.finish_reason).toBe('length');
  });
});

describe('Images, system prompt, options and tools', () => {
  const fields = {
    temperature: 0.5,
    max_completion_tokens: 50,
    stop: ['END'],
    messages: [
      { role: 'system', content: 'Be kind.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
        ],
      },
    ],
    tools: [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }],
    tool_choice: 'required',
  };

  it.each<[string, string, object, object]>([
    [
      'anthropic',
      '/v1/messages',
      { content: [{ type: 'text', text: 'a pixel' }], stop_reason: 'end_turn' },
      {
        model: 'real',
        temperature: 0.5,
        max_tokens: 50,
        stop_sequences: ['END'],
        system: 'Be kind.',
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
            ],
          },
        ],
        tools: [{ name: 'look', input_schema: { type: 'object', properties: {} } }],
        tool_choice: { type: 'any' },
      },
    ],
    [
      'gemini',
      '/v1/models/real:generateContent',
      { candidates: [{ content: { role: 'model', parts: [{ text: 'a pixel' }] }, finishReason: 'STOP' }] },
      {
        generationConfig: { temperature: 0.5, maxOutputTokens: 50, stopSequences: ['END'] },
        systemInstruction: { parts: [{ text: 'Be kind.' }] },
        contents: [
          {
            role: 'user',
            parts: [{ text: 'What is this?' }, { inlineData: { mimeType: 'image/png', data: 'AAAA' } }],
          },
        ],
        tools: [{ functionDeclarations: [{ name: 'look' }] }],
        toolConfig: { functionCallingConfig: { mode: 'ANY' } },
      },
    ],
  ])('reach an %s worker at %s in its format', async (protocol, path, answer, body) => {
    const upstream = await upstreamForTest(answering(answer));
    const model = `rich/${protocol}`;
    const base = { req_url_template: `${upstream.url}/v1`, protocol, upstream_model: 'real' };
    await mustRegister(service, { model_name: model, ...base });
    const { json: response } = await service.post('/v1/chat/completions', { model, ...fields });
    expect(response).toMatchObject({ model, choices: [{ message: { content: 'a pixel' } }] });
    expect(upstream.requests.map(({ url }) => url)).toEqual([path]);
    expect(JSON.parse(upstream.requests[0]?.body ?? '')).toMatchObject(body);
  });
});

describe('A field that a worker does not support', () => {
  const IMAGE = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }];
  const TOOLS = [{ type: 'function', function: { name: 'look' } }];
  const SCHEMA = { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } };
  const AUDIO = [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }];
  it.each<[string, object, string]>([
    ['org/anthropic', { n: 2 }, 'n'],
    ['org/gemini', { n: 2 }, 'n'],
    ['org/anthropic', { messages: [{ role: 'user', content: AUDIO }] }, 'messages[0].content[0]'],
    ['org/anthropic', { tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'tools[0]'],
    ['org/gemini', { response_format: { type: 'yaml' } }, 'response_format'],
    ['org/whole', { n: 2 }, 'n'],
    ['org/whole', { tools: TOOLS }, 'tools'],
    ['org/stream', { tools: TOOLS, tool_choice: 'required' }, 'tools'],
    ['org/whole', { response_format: SCHEMA }, 'response_format'],
    ['org/whole', { messages: [{ role: 'user', content: IMAGE }] }, 'messages[0].content[0]'],
  ])('is a 400 of %s with the name of the field: %j', async (model, more, field) => {
    for (const path of CHAT_PATHS)
      for (const stream of [false, true]) {
        const { status, json } = await service.post(path, { model, messages, stream, ...more });
        expect([path, status]).toEqual([path, 400]);
        expect(json).toMatchObject({
          error: {
            type: 'invalid_request_error',
            param: field,
            message: expect.stringContaining(field) as string,
          },
          details: [{ field }],
        });
      }
  });

  it.each<[string, object, string]>([
    ['embeddings', { input: ['a', 'b'] }, 'input'],
    ['embeddings', { input: 'a', dimensions: 8 }, 'dimensions'],
    ['embeddings', { input: 'a', dimensions: 0 }, 'dimensions'],
    ['embeddings', { input: 'a', encoding_format: 'hex' }, 'encoding_format'],
    ['images/generations', { prompt: 'a', n: 2 }, 'n'],
    ['images/generations', { prompt: 'a', stream: true }, 'stream'],
    ['completions', { prompt: 'a', n: 2 }, 'n'],
    ['completions', { prompt: 'a', best_of: 3 }, 'best_of'],
    ['completions', { prompt: 'a', suffix: 'z' }, 'suffix'],
    ['completions', { prompt: 'a', echo: true }, 'echo'],
  ])('is a 400 at /v1/%s with the name of the field: %j', async (path, fields, field) => {
    const task = { embeddings: 'embedding', 'images/generations': 'image', completions: 'completion' }[path];
    const upstream = await upstreamForTest(answering({ answer: [1, 2] }));
    const model = `org/plain-${path}-${field}-${JSON.stringify(fields).length}`;
    await mustRegister(service, aWorker(upstream, { model_name: model, task }));
    const { status, json } = await service.post(`/v1/${path}`, { model, ...fields });
    expect([status, json]).toMatchObject([
      400,
      { error: { message: expect.stringContaining(field) as string } },
    ]);
    expect(upstream.requests).toEqual([]);
  });

  it('is never confused with a wrong number of embeddings, which is a 502', async () => {
    const upstream = await upstreamForTest(answering({ answer: [[1, 2]] }));
    const model = 'org/one-for-all';
    const body = { texts: '{INPUT}' };
    await mustRegister(service, aWorker(upstream, { model_name: model, task: 'embedding', body }));
    const answer = await service.post('/v1/embeddings', { model, input: ['a', 'b'] });
    expect([answer.status, JSON.stringify(answer.json)]).toEqual([
      502,
      expect.stringContaining('the answer contains 1 embeddings for 2 inputs'),
    ]);
    const one = await service.post('/v1/embeddings', { model, input: ['a'] });
    expect([one.status, one.json]).toMatchObject([200, { data: [{ embedding: [1, 2] }] }]);
  });

  it('goes to another worker of the model that supports it', async () => {
    const model = 'org/of-both-kinds';
    const templated = await upstreamForTest(answering({ answer: 'of a template' }));
    const choice = { index: 0, message: { role: 'assistant', content: 'by an API' }, finish_reason: 'stop' };
    const api = await upstreamForTest(answering({ choices: [choice] }));
    for (const name of ['one', 'two', 'three'])
      await mustRegister(service, aWorker(templated, { model_name: model, name }));
    const base = `${api.url}/v1`;
    await mustRegister(service, { model_name: model, protocol: 'openai', req_url_template: base });
    for (let at = 0; at < 8; at++) {
      const { json } = await service.post('/v1/chat/completions', { model, messages, tools: TOOLS });
      expect(json).toMatchObject({ choices: [{ message: { content: 'by an API' } }] });
    }
    expect([templated.requests.length, api.requests.length]).toEqual([0, 8]);
  });

  it('is ignored if it is only a hint', async () => {
    const hints = { tools: TOOLS, tool_choice: 'none', response_format: { type: 'json_object' }, seed: 7 };
    const { status, json } = await service.post('/v1/chat/completions', {
      model: 'org/whole',
      messages,
      ...hints,
    });
    expect([status, json]).toMatchObject([200, { choices: [{ message: { content: ANSWER } }] }]);
  });

  it('reaches a template with a placeholder for it', async () => {
    const upstream = await upstreamForTest(answering({ answer: 'a pixel' }));
    const body = { chat: '{MESSAGES}' };
    await mustRegister(service, aWorker(upstream, { model_name: 'org/messages', body }));
    const seeing = [{ role: 'user', content: IMAGE }];
    const { json } = await service.post('/v1/chat/completions', { model: 'org/messages', messages: seeing });
    expect(json).toMatchObject({ choices: [{ message: { content: 'a pixel' } }] });
    expect(JSON.parse(upstream.requests[0]?.body ?? '')).toEqual({ chat: seeing });
  });

  it('goes to the openai worker of a mixed model in each of many calls', async () => {
    const mute = await upstreamForTest(answering({ answer: 'mute' }));
    await mustRegister(service, aWorker(mute, { model_name: 'org/mixed' }));
    await mustRegister(service, {
      preset: 'openai',
      model_name: 'org/mixed',
      base_url: `${upstreams.mock.url}/v1`,
      api_key: 'k',
    });
    for (let i = 0; i < 6; i++) {
      const request = { model: 'org/mixed', messages, tools: TOOLS, stream: i % 2 === 0 };
      const { status, text } = await service.post('/v1/chat/completions', request);
      expect([status, text]).toEqual([200, expect.not.stringContaining('mute')]);
    }
    expect(mute.requests).toEqual([]);
  });

  it('is a 400 in the envelope of Anthropic for Anthropic clients', async () => {
    const content = [{ type: 'container_upload', file_id: 'x' }];
    const { status, json } = await service.post('/v1/messages', {
      model: 'org/openai',
      max_tokens: 5,
      messages: [{ role: 'user', content }],
    });
    expect([status, json]).toMatchObject([
      400,
      {
        type: 'error',
        error: {
          type: 'invalid_request_error',
          message: expect.stringContaining('messages[0].content[0]') as string,
        },
      },
    ]);
  });
});

describe('Models', () => {
  it('are listed while they have enabled workers, with or without / in their names', async () => {
    const names = async () => {
      const { json } = await service.get('/v1/models');
      return (json as { data: { id: string }[] }).data.map(({ id }) => id);
    };
    for (const { model } of MODELS) expect(await names()).toContain(model);
    const worker = {
      model_name: 'a/b c/ü',
      req_url_template: 'http://127.0.0.1:9/x',
      body: { prompt: '{USER_PROMPT}' },
    };
    await mustRegister(service, worker);
    expect(await names()).toContain(worker.model_name);
    expect(await client.models.retrieve(worker.model_name)).toMatchObject({ id: worker.model_name });
    await service.post('/api/server/offline', keyOf(worker));
    expect(await names()).not.toContain(worker.model_name);
    await expect(client.models.retrieve(worker.model_name)).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
  });

  it('that are disabled are not called and answer 503', async () => {
    const upstream = await upstreamForTest(answering({ answer: 'x' }));
    const worker = aWorker(upstream, { model_name: 'org/off', health_check: { kind: 'none' } });
    await service.register(worker);
    const [view] = await viewsOf(service, 'org/off');
    await service.post(`/api/v1/workers/${view?.id ?? ''}/disable`, {});
    const { status, json: answer } = await service.post('/v1/chat/completions', {
      model: 'org/off',
      messages,
    });
    expect([status, answer]).toMatchObject([503, { error: { type: 'api_error' } }]);
    expect(upstream.requests).toEqual([]);
    expect((await service.get('/v1/models')).text).not.toContain('org/off');
    expect(await client.models.retrieve('org/off')).toMatchObject({ id: 'org/off' });
  });

  it.each<[string, string, object, string]>([
    ['/v1/embeddings', 'org/anthropic', { input: 'x' }, 'chat'],
    ['/v1/images/generations', 'org/whole', { prompt: 'x' }, 'chat'],
    ['/v1/chat/completions', 'org/vectors', { messages }, 'embedding'],
    ['/v1/responses', 'org/vectors', { input: 'x' }, 'embedding'],
    ['/v1/audio/speech', 'org/embedding-openai', { input: 'x', voice: 'alloy' }, 'embedding'],
    ['/v1/moderations', 'org/whole', { input: 'x' }, 'chat'],
    ['/v1/messages', 'org/embedding-openai', { max_tokens: 1, messages }, 'embedding'],
    ['/api/v1/chat/completions', 'org/vectors', { input: 'x' }, 'embedding'],
  ])(
    'answer at %s to the wrong task of %s with the task that they support',
    async (path, model, body, does) => {
      const { status, text } = await service.post(path, { model, model_name: model, ...body });
      expect([status, text]).toEqual([400, expect.stringContaining(`does ${does}`)]);
    },
  );
});
