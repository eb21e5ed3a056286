import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Behaviour, json, text } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { until } from '../until.js';

let service: TestService;
let client: OpenAI;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => service.stop());

const UNPROBED = { health_check: { kind: 'none' } };
const messages = [{ role: 'user', content: 'hello' }] as const;

async function template(behaviour: Behaviour, more: object = {}) {
  const upstream = await upstreamForTest(behaviour);
  const worker = aWorker(upstream, { ...UNPROBED, ...more });
  expect((await service.register(worker)).text).toContain('succeed!');
  return { upstream, model: worker.model_name };
}

let made = 0;
/** An openai worker. */
async function openAi(behaviour: Behaviour, more: object = {}) {
  const upstream = await upstreamForTest(behaviour);
  const model = `org/openai-${(made += 1)}`;
  const worker = {
    model_name: model,
    req_url_template: `${upstream.url}/v1`,
    protocol: 'openai',
    ...UNPROBED,
    ...more,
  };
  expect((await service.register(worker)).text).toContain('succeed!');
  return { upstream, model };
}

const events =
  (...data: readonly string[]): Behaviour =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const each of data) response.write(`data: ${each}\n\n`);
    response.end();
  };
const chunk = (delta: object, finish: string | null = null) =>
  JSON.stringify({
    id: 'x',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'up',
    choices: [{ index: 0, delta, finish_reason: finish }],
  });

async function streamed(stream: AsyncIterable<OpenAI.ChatCompletionChunk>) {
  let content = '';
  let finish: string | null = null;
  let chunks = 0;
  for await (const { choices } of stream) {
    chunks += 1;
    content += choices[0]?.delta.content ?? '';
    finish = choices[0]?.finish_reason ?? finish;
  }
  return { content, finish, chunks };
}

describe("OpenAI's client, with a template worker", () => {
  it('chats and gets usage if the upstream reports it', async () => {
    const { model } = await template(json({ answer: 'hi!', tokens: { in: 3, out: 2 } }), {
      usage_extract: { input: 'tokens.in', output: 'tokens.out' },
    });
    const answer = await client.chat.completions.create({ model, messages: [...messages] });
    expect(answer.choices[0]).toMatchObject({
      message: { role: 'assistant', content: 'hi!' },
      finish_reason: 'stop',
    });
    expect(answer.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 });
  });

  it('streams a whole answer as one chunk', async () => {
    const { model } = await template(json({ answer: 'all at once' }));
    const stream = await client.chat.completions.create({ model, messages: [...messages], stream: true });
    expect(await streamed(stream)).toMatchObject({ content: 'all at once', finish: 'stop' });
  });

  it('streams answers of SSE and NDJSON', async () => {
    const stream_extract = { text: 'token', done: { path: 'done', equals: true } };
    const body = { p: '{USER_PROMPT}', stream: '{STREAM}' };
    const sse = await template(events('{"token":"a"}', '{"token":"é語"}', '{"done":true}'), {
      is_stream: true,
      stream_extract,
      body,
    });
    const nd = await template(text('{"token":"a"}\n{"token":"é語"}\n{"done":true}\n'), {
      is_stream: true,
      stream_extract,
      body,
    });
    for (const { model, upstream } of [sse, nd]) {
      const stream = await client.chat.completions.create({ model, messages: [...messages], stream: true });
      expect(await streamed(stream)).toMatchObject({ content: 'aé語', finish: 'stop' });
      expect(upstream.requests[0]?.body).toBe('{"p":"hello","stream":true}');
    }
  });

  it('completes texts, creates embeddings and images with workers of these tasks', async () => {
    const completing = await template(json({ answer: 'and so on' }), { task: 'completion' });
    const completed = await client.completions.create({ model: completing.model, prompt: 'Once' });
    expect(completed.choices[0]?.text).toBe('and so on');
    const embedding = await template(
      json({
        answer: [
          [1, 0.5],
          [0, -1],
        ],
      }),
      { task: 'embedding', body: { texts: '{INPUT}' } },
    );
    const embedded = await client.embeddings.create({ model: embedding.model, input: ['a', 'b'] });
    expect(embedded.data.map((each) => [...each.embedding])).toEqual([
      [1, 0.5],
      [0, -1],
    ]);
    expect(embedding.upstream.requests[0]?.body).toBe('{"texts":["a","b"]}');
    const drawing = await template(json({ answer: ['aGVsbG8='] }), { task: 'image' });
    const drawn = await client.images.generate({ model: drawing.model, prompt: 'a cat' });
    expect(drawn.data).toEqual([{ b64_json: 'aGVsbG8=' }]);
  });
});

describe("OpenAI's client, with an openai worker", () => {
  it('exchanges every byte with the upstream, except for the name of the model', async () => {
    const odd =
      '{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"é"}}],  "x_unknown":1.0e2}';
    const { model, upstream } = await openAi(text(odd, 200, { 'content-type': 'application/json' }), {
      upstream_model: 'real/name',
    });
    const sent = `{"messages":[{"role":"user","content":"caf\\u00e9 語"}],"temperature":0.10, "model":"${model}","unknown":[1e400]}`;
    const { status, text: got } = await service.post('/v1/chat/completions', sent);
    expect([status, got]).toEqual([200, odd]);
    expect(upstream.requests[0]).toMatchObject({
      url: '/v1/chat/completions',
      body: sent.replace(`"${model}"`, '"real/name"'),
    });
  });

  it('streams tool calls', async () => {
    const { model } = await openAi(
      events(
        chunk({
          role: 'assistant',
          content: null,
          tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }],
        }),
        chunk({ tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] }),
        chunk({ tool_calls: [{ index: 0, function: { arguments: '1}' } }] }),
        chunk({}, 'tool_calls'),
        '[DONE]',
      ),
    );
    const runner = client.chat.completions.stream({ model, messages: [...messages] });
    const final = await runner.finalChatCompletion();
    expect(final.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      id: 'c1',
      function: { name: 'f', arguments: '{"a":1}' },
    });
  });

  it('gets errors of the upstream unchanged, except those about credentials', async () => {
    const refusing = await openAi(
      json(
        {
          error: {
            message: 'too long',
            type: 'invalid_request_error',
            param: 'messages',
            code: 'context_length_exceeded',
          },
        },
        400,
      ),
    );
    await expect(
      client.chat.completions.create({ model: refusing.model, messages: [...messages] }),
    ).rejects.toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
    });
    const locked = await openAi(json({ error: { message: 'bad key sk-123' } }, 401));
    await expect(
      client.chat.completions.create({ model: locked.model, messages: [...messages] }),
    ).rejects.toMatchObject({
      status: 502,
      message: expect.not.stringContaining('sk-123') as string,
    });
  });

  it('is retried at another worker before the first byte only', async () => {
    const { model } = await openAi((response) => response.writeHead(500).end('{}'));
    const good = await upstreamForTest(events(chunk({ content: 'fine' }), chunk({}, 'stop'), '[DONE]'));
    await service.register({
      model_name: model,
      req_url_template: `${good.url}/v1`,
      protocol: 'openai',
      ...UNPROBED,
    });
    for (let i = 0; i < 6; i++) {
      const stream = await client.chat.completions.create({ model, messages: [...messages], stream: true });
      expect(await streamed(stream)).toMatchObject({ content: 'fine', finish: 'stop' });
    }
    const cut = await openAi((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${chunk({ content: 'half' })}\n\ndata: {"choi`, () => response.socket?.destroy());
    });
    const other = await upstreamForTest(events(chunk({ content: 'never' }), '[DONE]'));
    const broken = client.chat.completions.create({
      model: cut.model,
      messages: [...messages],
      stream: true,
    });
    await expect(broken.then((stream) => streamed(stream))).rejects.toThrow(
      /closed the connection before the answer was complete/,
    );
    expect(other.requests).toEqual([]);
  });

  it('disconnects, which ends the upstream call', async () => {
    let isClosed = false;
    const { model } = await openAi((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write(`data: ${chunk({ content: '.' })}\n\n`), 20);
      response.once('close', () => {
        isClosed = true;
        clearInterval(timer);
      });
    });
    const stream = await client.chat.completions.create({ model, messages: [...messages], stream: true });
    for await (const { id } of stream) {
      expect(id).toBe('x');
      stream.controller.abort();
    }
    await until(() => isClosed);
  });
});

describe("OpenAI's client", () => {
  it('lists models and finds one, with or without / in its name', async () => {
    const { model } = await openAi(json({}));
    const names: string[] = [];
    for await (const each of client.models.list()) names.push(each.id);
    expect(names).toContain(model);
    expect(await client.models.retrieve(model)).toMatchObject({ id: model, object: 'model' });
    await expect(client.models.retrieve('unknown')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
  });

  it.each<[string, object, number, string]>([
    ['an unknown model', { model: 'unknown', messages }, 404, 'model_not_found'],
    ['no model', { messages }, 400, 'model'],
    ['no messages', { model: 'x' }, 400, 'messages'],
  ])('gets an OpenAI error for %s', async (_what, body, status, expected) => {
    const worker = await template(json({ answer: 'x' }));
    const request = 'model' in body && body.model === 'x' ? { ...body, model: worker.model } : body;
    const error: unknown = await client.chat.completions
      .create(request as OpenAI.ChatCompletionCreateParamsNonStreaming)
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ status });
    expect(JSON.stringify(error)).toContain(expected);
  });

  it('gets the task of a model in the error for another task', async () => {
    const { model } = await template(json({ answer: 'x' }));
    await expect(client.embeddings.create({ model, input: 'x' })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('does chat') as string,
    });
  });

  it('uploads a form with the file before the model', async () => {
    const { model, upstream } = await openAi(json({ text: 'hello' }), {
      task: 'audio',
      upstream_model: 'whisper-1',
    });
    const file = new File([Buffer.alloc(70_000, 'a')], 'a.wav');
    const transcription = await client.audio.transcriptions.create({ file, model });
    expect(transcription.text).toBe('hello');
    expect(upstream.requests[0]?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(upstream.requests[0]?.body).toContain('whisper-1');
    expect(upstream.requests[0]?.body).not.toContain(model);
  });
});
