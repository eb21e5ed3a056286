import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, json } from '../fakes/fake-upstream.js';
import { upstreamForTest } from '../fixtures/worker.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { mustRegister, stopAll } from './models.js';

let service: TestService;
let client: OpenAI;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => stopAll(service));

const usage = { prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 };
const head = { id: 'chatcmpl-1', created: 1, model: 'm' };
const events = (...all: readonly unknown[]): Answer => {
  const text = all.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`);
  return (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text.join(''));
};
const named = (...all: readonly { readonly type: string }[]): Answer => {
  const text = all.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');
  return (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text);
};

interface Vendor {
  readonly worker: object;
  readonly base: string;
  readonly whole: Answer;
  readonly stream: Answer;
  /** The prompt in what the vendor received. */
  readonly prompt: (body: never) => unknown;
  readonly limit: (body: never) => unknown;
}

/** Each answers a chat, and 404 to everything else. */
const VENDORS: Readonly<Record<string, Vendor>> = {
  'an OpenAI worker that only chats': {
    worker: { protocol: 'openai', profile: { completions: false } },
    base: '/v1',
    whole: json({
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: ' upon a time' }, finish_reason: 'stop' }],
      usage,
    }),
    stream: events(
      { ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content: ' upon' } }] },
      { ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content: ' a time' } }] },
      { ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
      { ...head, object: 'chat.completion.chunk', choices: [], usage },
      '[DONE]',
    ),
    prompt: (body: { messages: unknown }) => body.messages,
    limit: (body: { max_tokens: unknown }) => body.max_tokens,
  },
  'an Anthropic worker': {
    worker: { protocol: 'anthropic', upstream_model: 'claude-sonnet-4-5' },
    base: '/v1',
    whole: json({
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-4-5',
      content: [{ type: 'text', text: ' upon a time' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 4, output_tokens: 2 },
    }),
    stream: named(
      {
        type: 'message_start',
        message: { id: 'msg_1', usage: { input_tokens: 4, output_tokens: 0 } },
      } as never,
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } } as never,
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: ' upon a time' } } as never,
      { type: 'content_block_stop', index: 0 } as never,
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } } as never,
      { type: 'message_stop' },
    ),
    prompt: (body: { messages: { content: { text: string }[] }[] }) => [
      { role: 'user', content: body.messages[0]?.content[0]?.text },
    ],
    limit: (body: { max_tokens: unknown }) => body.max_tokens,
  },
  'a Gemini worker': {
    worker: { protocol: 'gemini', upstream_model: 'gemini-2.5-flash' },
    base: '/v1beta',
    whole: json({
      candidates: [
        { content: { role: 'model', parts: [{ text: ' upon a time' }] }, finishReason: 'STOP', index: 0 },
      ],
      usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 2, totalTokenCount: 6 },
    }),
    stream: events({
      candidates: [
        { content: { role: 'model', parts: [{ text: ' upon a time' }] }, finishReason: 'STOP', index: 0 },
      ],
      usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 2, totalTokenCount: 6 },
    }),
    prompt: (body: { contents: { role: string; parts: { text: string }[] }[] }) => [
      { role: body.contents[0]?.role, content: body.contents[0]?.parts[0]?.text },
    ],
    limit: (body: { generationConfig: { maxOutputTokens: unknown } }) =>
      body.generationConfig.maxOutputTokens,
  },
};

let made = 0;
async function modelOf({ worker, base, whole, stream }: Vendor) {
  const upstream = await upstreamForTest((response, request) => {
    if (!/\/chat\/completions$|\/messages$|enerateContent/.test(request.url))
      return json({ error: { message: 'no such path' } }, 404)(response, request);
    const isStream = request.url.includes('stream') || request.body.includes('"stream":true');
    return (isStream ? stream : whole)(response, request);
  });
  made += 1;
  const model = `completes-${made}`;
  const req_url_template = upstream.url + base;
  await mustRegister(service, {
    model_name: model,
    req_url_template,
    health_check: { kind: 'none' },
    ...worker,
  });
  return { model, upstream };
}

describe.each(Object.entries(VENDORS))('/v1/completions of %s', (_, vendor) => {
  it('is one message of the user, whole and as a stream', async () => {
    const { model, upstream } = await modelOf(vendor);
    const whole = await client.completions.create({ model, prompt: 'Once', max_tokens: 9, temperature: 0 });
    expect([
      whole.object,
      whole.choices[0]?.text,
      whole.choices[0]?.finish_reason,
      whole.usage,
    ]).toMatchObject(['text_completion', ' upon a time', 'stop', usage]);
    const stream = await client.completions.create({
      model,
      prompt: ['Once'],
      max_tokens: 9,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    const seen = [];
    for await (const chunk of stream) {
      text += chunk.choices[0]?.text ?? '';
      seen.push(chunk);
    }
    expect([text, seen.at(-1)?.usage]).toMatchObject([' upon a time', usage]);
    expect(new Set(seen.map(({ object }) => object))).toEqual(new Set(['text_completion']));
    const bodies = upstream.requests.map(({ body }) => JSON.parse(body) as never);
    for (const body of bodies) {
      expect(vendor.prompt(body)).toEqual([{ role: 'user', content: 'Once' }]);
      expect([vendor.limit(body), body]).toEqual([9, expect.not.objectContaining({ prompt: 'Once' })]);
    }
    expect(bodies).toHaveLength(2);
  });

  it.each([
    ['echo', true],
    ['logprobs', 2],
    ['suffix', 'the end'],
    ['best_of', 2],
    ['n', 2],
  ])('is a 400 that names %s, before the worker is called', async (name, value) => {
    const { model, upstream } = await modelOf(vendor);
    const { status, json: answer } = await service.post('/v1/completions', {
      model,
      prompt: 'Once',
      [name]: value,
    });
    expect([status, answer]).toMatchObject([400, { error: { param: name } }]);
    expect(upstream.requests).toEqual([]);
  });

  it('takes these options where their values change nothing', async () => {
    const { model } = await modelOf(vendor);
    const neutral = { echo: false, logprobs: null, suffix: '', best_of: 1, n: 1 };
    const { status } = await service.post('/v1/completions', { model, prompt: 'Once', ...neutral });
    expect(status).toBe(200);
  });
});

it('reaches a worker that has /completions unchanged, beside one that only chats', async () => {
  const upstream = await upstreamForTest(
    json({
      id: 'cmpl-1',
      object: 'text_completion',
      choices: [{ index: 0, text: 'passed', finish_reason: 'stop' }],
    }),
  );
  const chats = await upstreamForTest(VENDORS['an OpenAI worker that only chats']?.whole);
  const worker = { model_name: 'both', protocol: 'openai', health_check: { kind: 'none' } };
  await mustRegister(service, { ...worker, req_url_template: `${upstream.url}/v1` });
  await mustRegister(service, {
    ...worker,
    req_url_template: `${chats.url}/v1`,
    profile: { completions: false },
  });
  // Only the first can echo.
  for (let i = 0; i < 6; i += 1) {
    const { status, text } = await service.post('/v1/completions', {
      model: 'both',
      prompt: 'x',
      echo: true,
    });
    expect([status, text]).toEqual([200, expect.stringContaining('passed')]);
  }
  expect(chats.requests).toEqual([]);
});

describe('a worker whose server lacks an endpoint that nothing is known of', () => {
  const NOT_FOUND = json({ detail: 'Not Found' }, 404);
  let count = 0;
  async function lacking(...answers: readonly Answer[]) {
    count += 1;
    const model = `lacks-${count}`;
    for (const answer of answers) {
      const upstream = await upstreamForTest(answer);
      await mustRegister(service, {
        model_name: model,
        protocol: 'openai',
        req_url_template: `${upstream.url}/v1`,
        health_check: { kind: 'none' },
      });
    }
    return model;
  }

  it.each([
    ['/v1/responses', { input: 'hi', background: true }, 400, /^background: must be false/],
    [
      '/v1/responses',
      { input: 'hi', stream: true, tools: [{ type: 'web_search' }] },
      400,
      /^tools\[0\]\.type: /,
    ],
    ['/v1/completions', { prompt: 'hi' }, 404, /has no \/v1\/completions: .*use \/v1\/chat\/completions$/],
    ['/v1/rerank', { query: 'hi' }, 404, /has no \/v1\/rerank: its worker answered 404$/],
  ])('answers %s with a clear refusal in the envelope', async (path, body, status, words) => {
    const model = await lacking(NOT_FOUND);
    const answer = await service.post(path, { model, ...body });
    expect([answer.status, answer.json]).toMatchObject([
      status,
      { error: { message: expect.stringMatching(words), type: 'invalid_request_error', code: null } },
    ]);
  });

  it('leaves such a request to a worker that has it, and its chats to both', async () => {
    const done = json({ id: 'resp_1', object: 'response', status: 'completed', output: [] });
    const chat = VENDORS['an OpenAI worker that only chats']?.whole ?? done;
    const chatOnly: Answer = (response, request) =>
      (request.url.endsWith('/chat/completions') ? chat : NOT_FOUND)(response, request);
    const both: Answer = (response, request) =>
      (request.url.endsWith('/responses') ? done : chat)(response, request);
    const model = await lacking(chatOnly, both);
    for (let nth = 0; nth < 6; nth += 1) {
      const { status } = await service.post('/v1/responses', { model, input: 'hi', background: true });
      expect(status).toBe(200);
    }
    const workers = new Set<string | null>();
    for (let nth = 0; nth < 8; nth += 1) {
      const messages = [{ role: 'user', content: `hi ${nth}` }];
      const { status, headers } = await service.post('/v1/chat/completions', { model, messages });
      expect(status).toBe(200);
      workers.add(headers.get('x-mmm-worker-id'));
    }
    expect(workers.size).toBe(2);
  });
});
