import Anthropic from '@anthropic-ai/sdk';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { json, text } from '../fakes/fake-upstream.js';
import { upstreamForTest } from '../fixtures/worker.js';
import { startService, type TestService, until } from '../service.js';
import { type RawUpstream, startRawUpstream } from '../streams/raw-upstream.js';
import { mustRegister } from './models.js';

const KEY = 'sk-ant-of-the-upstream';
const CALLERS_KEY = 'sk-ant-of-the-caller';

let service: TestService;
let upstream: RawUpstream;
let client: Anthropic;
beforeAll(async () => {
  service = await startService({
    STREAM_HEARTBEAT_MS: '60',
    // What breaks here is meant to break: nobody is to be put aside for it.
    BALANCING_EJECT_FAILURES: '100',
    BALANCING_EJECT_SUCCESS_SHARE: '0',
    BALANCING_EJECT_CONNECT_ERRORS: '100',
  });
  upstream = await startRawUpstream((response) => response.end());
  await mustRegister(service, claude('org/claude'));
  client = new Anthropic({ baseURL: service.url, apiKey: CALLERS_KEY, maxRetries: 0 });
});
beforeEach(() => {
  upstream.last = null;
  upstream.calls = 0;
});
afterAll(async () => {
  service.app.getHttpServer().closeAllConnections();
  await service.stop();
  await upstream.close();
});

function claude(model: string, url = upstream.url, more: object = {}) {
  return {
    preset: 'anthropic',
    model_name: model,
    upstream_model: 'claude-opus-4-5',
    base_url: url,
    api_key: KEY,
    ...more,
  };
}

let made = 0;
/** A model of its own, with a worker there. */
async function modelOf(more: object, url = upstream.url): Promise<string> {
  const model = `org/own-${(made += 1)}`;
  await mustRegister(service, claude(model, url, more));
  return model;
}

async function putPolicy(model: string, policy: object): Promise<void> {
  const { status } = await fetch(`${service.url}/api/v1/models/${model}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(policy),
  });
  expect(status).toBeLessThan(300);
}

const ask = {
  model: 'org/claude',
  max_tokens: 4096,
  messages: [{ role: 'user' as const, content: 'hello' }],
};

const seen = () => {
  const { message, body } = upstream.last ?? expect.unreachable('the upstream was not called');
  return { url: message.url, headers: message.headers, json: JSON.parse(String(body)) as unknown };
};

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => error,
  );
}

const USAGE = {
  input_tokens: 12,
  cache_creation_input_tokens: 1024,
  cache_read_input_tokens: 2048,
  cache_creation: { ephemeral_5m_input_tokens: 1000, ephemeral_1h_input_tokens: 24 },
  output_tokens: 77,
  service_tier: 'standard',
};
/** Of every kind that OpenAI's words have no room for, and one that nobody has heard of. */
const BLOCKS = [
  {
    type: 'thinking',
    thinking: 'Let me see …',
    signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds',
  },
  { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix' },
  { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'weather' } },
  {
    type: 'text',
    text: 'Sunny.',
    citations: [
      {
        type: 'char_location',
        cited_text: 'sun',
        document_index: 0,
        document_title: null,
        start_char_index: 0,
        end_char_index: 3,
      },
    ],
  },
  { type: 'hologram', pixels: [1e2] },
];
const MESSAGE = {
  id: 'msg_up',
  type: 'message',
  role: 'assistant',
  model: 'claude-opus-4-5',
  content: BLOCKS,
  stop_reason: 'pause_turn',
  stop_sequence: null,
  container: { id: 'container_1', expires_at: '2026-12-01T00:00:00Z' },
  usage: USAGE,
};
const answering =
  (body: string, status = 200, headers: Readonly<Record<string, string>> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);

describe("Anthropic's client, with a worker that speaks its API", () => {
  it('gets thinking, citations, server tools and cache counts as they were said', async () => {
    upstream.answer = answering(JSON.stringify(MESSAGE), 200, {
      'request-id': 'req_up',
      'anthropic-ratelimit-tokens-remaining': '1000',
      'anthropic-organization-id': 'the-operators',
      'set-cookie': 'a=b',
    });
    const { data, response } = await client.messages.create(ask).withResponse();
    expect(data).toMatchObject(MESSAGE);
    const told = Object.fromEntries(response.headers);
    expect(told).toMatchObject({
      'request-id': 'req_up',
      'anthropic-ratelimit-tokens-remaining': '1000',
      'x-mmm-attempts': '1',
      'x-mmm-upstream-ms': expect.stringMatching(/^\d/) as string,
      'x-mmm-worker-id': expect.stringMatching(/^[\da-f-]{36}$/) as string,
    });
    expect(Object.keys(told)).not.toContain('anthropic-organization-id');
    expect(Object.keys(told)).not.toContain('set-cookie');
  });

  it('has its request reach the upstream as it wrote it, but for the name of the model', async () => {
    upstream.answer = answering(JSON.stringify(MESSAGE));
    const cached = { type: 'ephemeral' as const, ttl: '1h' as const };
    const asked: Anthropic.MessageCreateParamsNonStreaming = {
      ...ask,
      system: [{ type: 'text', text: 'Be kind.', cache_control: cached }],
      thinking: { type: 'enabled', budget_tokens: 2048 },
      container: 'container_1',
      tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 3 }],
      messages: [
        { role: 'user', content: 'hello' },
        { role: 'assistant', content: BLOCKS.slice(0, 2) as Anthropic.ContentBlockParam[] },
        { role: 'user', content: [{ type: 'text', text: 'go on', cache_control: cached }] },
      ],
    };
    await client.messages.create(asked);
    expect(seen()).toMatchObject({
      url: '/v1/messages',
      json: { ...asked, model: 'claude-opus-4-5' },
      headers: { 'content-type': 'application/json', 'x-api-key': KEY },
    });
  });

  it('has its version and its betas travel, the betas beside those of the worker, and never its keys', async () => {
    upstream.answer = answering(JSON.stringify(MESSAGE));
    const beta = { 'Anthropic-Beta': 'context-1m-2025-08-07, files-api-2025-04-14' };
    const workers = { 'x-api-key': KEY, 'Anthropic-Version': '2023-01-01', ...beta };
    const model = await modelOf({ header: workers });
    const callers = { cookie: 'c=d', 'anthropic-workspace-id': 'wrkspc_1', 'x-session-id': 's' };
    const betas = ['files-api-2025-04-14', 'mcp-client-2025-11-20'];
    await client.beta.messages.create({ ...ask, model, betas }, { headers: callers });
    const { headers } = seen();
    expect(headers).toMatchObject({
      'x-api-key': KEY,
      'anthropic-version': expect.stringMatching(/^202[6-9]-/) as string,
      'anthropic-beta': 'context-1m-2025-08-07,files-api-2025-04-14,mcp-client-2025-11-20',
    });
    for (const never of ['cookie', 'authorization', 'anthropic-workspace-id', 'x-session-id'])
      expect(headers).not.toHaveProperty(never);
    expect(JSON.stringify(headers)).not.toContain(CALLERS_KEY);

    const { status } = await service.post('/v1/messages?beta=true&key=x', { ...ask, model });
    expect([status, seen().headers['anthropic-version']]).toEqual([200, '2023-01-01']);
    // As its older clients say that they speak the beta.
    expect(seen().url).toBe('/v1/messages?beta=true');
    expect(seen().headers['anthropic-beta']).toBe(beta['Anthropic-Beta']);
  });

  it('is spoken to in a version that was named, also where neither it nor the worker names one', async () => {
    upstream.answer = answering(JSON.stringify(MESSAGE));
    const model = `org/bare-${(made += 1)}`;
    const worker = { model_name: model, protocol: 'anthropic', req_url_template: `${upstream.url}/v1` };
    await mustRegister(service, worker);
    for (const path of ['/v1/messages', '/v1/chat/completions']) {
      const { status } = await service.post(path, { ...ask, model });
      expect([status, seen().headers['anthropic-version']]).toEqual([200, '2023-06-01']);
    }
  });

  it.each(['', ' ', 'é', '2026\t10', 'x'.repeat(5000)])('is not harmed by the header %j', async (value) => {
    upstream.answer = answering(JSON.stringify(MESSAGE));
    const headers = { 'anthropic-version': value, 'anthropic-beta': value };
    const { status } = await service.post('/v1/messages', ask, headers);
    expect([status, upstream.calls]).toEqual([200, 1]);
  });

  it('counts tokens', async () => {
    upstream.answer = answering('{"input_tokens":2095}');
    expect(await client.messages.countTokens({ model: ask.model, messages: ask.messages })).toEqual({
      input_tokens: 2095,
    });
    expect(seen()).toMatchObject({
      url: '/v1/messages/count_tokens',
      json: { model: 'claude-opus-4-5', messages: ask.messages },
    });
  });
});

describe('What an upstream refuses', () => {
  const refusal = (type: string) =>
    `{"type":"error","error":{"type":"${type}","message":"no, \\u00e9"},  "request_id":"req_up"}`;

  it.each([
    [400, 'invalid_request_error'],
    [404, 'not_found_error'],
    [413, 'request_too_large'],
    [429, 'rate_limit_error'],
    [500, 'api_error'],
    [529, 'overloaded_error'],
  ])('with %i is heard with its status and in its words, whole and streamed', async (status, type) => {
    for (const stream of [false, true]) {
      upstream.answer = answering(refusal(type), status, { 'retry-after': '7', 'request-id': 'req_up' });
      const answer = await service.post('/v1/messages', { ...ask, stream });
      expect([answer.status, answer.text]).toEqual([status, refusal(type)]);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-type': 'application/json',
        'retry-after': '7',
        'request-id': 'req_up',
        'x-should-retry': 'false',
        'x-mmm-attempts': '1',
      });
      const error = await failure(client.messages.create({ ...ask, stream }));
      expect(error).toBeInstanceOf(Anthropic.APIError);
      expect(error).toMatchObject({ status, type, requestID: 'req_up' });
    }
  });

  it.each([401, 402, 403])('with %i is ours to answer for, and tells no secret', async (status) => {
    upstream.answer = answering(`{"type":"error","error":{"type":"x","message":"bad key ${KEY}"}}`, status);
    for (const stream of [false, true]) {
      const model = await modelOf({});
      const error = await failure(client.messages.create({ ...ask, model, stream }));
      expect(error).toMatchObject({ status: 502, type: 'api_error' });
      expect((error as Error).message).toContain('worker execute error');
      expect(JSON.stringify([error, (error as Error).message])).not.toContain(KEY);
      expect((error as InstanceType<typeof Anthropic.APIError>).requestID).toMatch(/^[\da-f-]{36}$/);
    }
  });

  it('is asked of another worker, before the first byte', async () => {
    const good = await upstreamForTest(json(MESSAGE));
    const model = await modelOf({});
    await mustRegister(service, claude(model, good.url));
    for (const status of [429, 503, 529]) {
      upstream.answer = answering(refusal('x'), status);
      for (let i = 0; i < 3; i++)
        expect(await client.messages.create({ ...ask, model })).toMatchObject({ id: 'msg_up' });
    }
  });
});

const sse = (type: string, fields: object = {}) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const delta = (index: number, type: string, fields: object) =>
  sse('content_block_delta', { index, delta: { type, ...fields } });
const START = sse('message_start', {
  message: { ...MESSAGE, content: [], stop_reason: null, usage: { ...USAGE, output_tokens: 1 } },
});
/** As the documentation shows them, with what a client must pass over. */
const STREAM = [
  START,
  sse('content_block_start', { index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } }),
  sse('ping'),
  delta(0, 'thinking_delta', { thinking: 'Let me ' }),
  delta(0, 'thinking_delta', { thinking: 'see 語' }),
  delta(0, 'signature_delta', { signature: 'EqQBCgIYAhIM' }),
  sse('content_block_stop', { index: 0 }),
  sse('content_block_start', {
    index: 1,
    content_block: { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} },
  }),
  delta(1, 'input_json_delta', { partial_json: '{"city": "P' }),
  delta(1, 'input_json_delta', { partial_json: 'aris"}' }),
  sse('content_block_stop', { index: 1 }),
  ': a comment\r\n\r\n',
  sse('message_delta', {
    delta: { stop_reason: 'tool_use', stop_sequence: null },
    usage: { output_tokens: 77 },
  }),
];
const END = sse('message_stop');

const streaming =
  (events: readonly string[], then: (response: ServerResponse) => void = (response) => response.end()) =>
  (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'request-id': 'req_up' });
    response.write(events.join(''), () => then(response));
  };
const withoutBeats = (body: string) => body.replaceAll(': still here\n\n', '');

describe('A stream of an upstream that speaks Anthropic’s API', () => {
  it('is passed on as it is, and read by its client', async () => {
    const whole = [...STREAM, END];
    upstream.answer = streaming(whole);
    const raw = await service.post('/v1/messages', { ...ask, stream: true });
    expect([raw.status, withoutBeats(raw.text)]).toEqual([200, whole.join('')]);
    expect(Object.fromEntries(raw.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'request-id': 'req_up',
      'x-mmm-attempts': '1',
    });
    const message = await client.messages.stream(ask).finalMessage();
    expect(message).toMatchObject({
      content: [
        { type: 'thinking', thinking: 'Let me see 語', signature: 'EqQBCgIYAhIM' },
        { type: 'tool_use', id: 'toolu_1', input: { city: 'Paris' } },
      ],
      stop_reason: 'tool_use',
      usage: { cache_read_input_tokens: 2048, output_tokens: 77 },
    });
  });

  it('stays alive through silence', async () => {
    upstream.answer = streaming(STREAM, (response) => setTimeout(() => response.end(END), 250));
    const { text: body } = await service.post('/v1/messages', { ...ask, stream: true });
    expect(body).toContain(': still here\n\n');
    expect(withoutBeats(body)).toBe([...STREAM, END].join(''));
  });

  const destroy = (response: ServerResponse): void => void response.socket?.destroy();
  it.each([
    ['dies between events', STREAM.slice(0, 5), destroy],
    ['dies within an event', [...STREAM.slice(0, 5), 'event: content_block_delta\ndata: {"ty'], destroy],
    ['ends before message_stop', STREAM, undefined],
    ['ends within message_stop', [...STREAM, 'event: message_st'], undefined],
    ['ends with nothing', [], undefined],
  ])('that %s ends with an error, and its client throws', async (_how, events, then) => {
    upstream.answer = streaming([': begun\n\n', ...events], then);
    const { status, text: body } = await service.post('/v1/messages', { ...ask, stream: true });
    expect(status).toBe(200);
    expect(body).toMatch(
      /\n\nevent: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"worker execute error: [^\n]*\n\n$/,
    );
    expect(body).not.toContain('message_stop');
    await expect(client.messages.stream(ask).finalMessage()).rejects.toThrow('worker execute error');
    const line = service.log.filter(({ path }) => path === '/v1/messages').at(-1);
    expect(line).toMatchObject({ error_type: 'worker_bad_answer' });
  });

  it('that says itself that it broke is passed on, and nothing is added', async () => {
    const overloaded = sse('error', { error: { type: 'overloaded_error', message: 'Overloaded' } });
    upstream.answer = streaming([START, overloaded]);
    const { text: body } = await service.post('/v1/messages', { ...ask, stream: true });
    expect(withoutBeats(body)).toBe(START + overloaded);
    await expect(client.messages.stream(ask).finalMessage()).rejects.toThrow('Overloaded');
  });

  it.each([
    ['dies after its end', END, destroy],
    ['leaves out the last line break', END.trimEnd(), undefined],
    ['goes on for a while', `${END}: bye\n\ndata: [DONE]\n\n`, undefined],
    ['names its events in their data only', 'data: {"type": "message_stop"}\n\n', undefined],
    ['ends its lines with CR LF', END.replaceAll('\n', '\r\n'), undefined],
  ])('that %s has ended', async (_how, end, then) => {
    upstream.answer = streaming([...STREAM, end], then);
    const { text: body } = await service.post('/v1/messages', { ...ask, stream: true });
    expect(withoutBeats(body)).toBe(STREAM.join('') + end);
  });

  it('is not taken for ended by what its text says', async () => {
    const sly = delta(0, 'text_delta', {
      text: '\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    });
    upstream.answer = streaming([START, sly]);
    const { text: body } = await service.post('/v1/messages', { ...ask, stream: true });
    expect(body).toMatch(/event: error\n[^\n]*\n\n$/);
  });
});

describe('A model of which only some workers speak Anthropic’s API', () => {
  const MCP = { mcp_servers: [{ type: 'url', url: 'https://mcp.example', name: 'x' }] };

  async function mixed() {
    const model = `mixed/${(made += 1)}`;
    const templated = await upstreamForTest(json({ answer: 'from the template' }));
    await mustRegister(service, {
      model_name: model,
      req_url_template: `${templated.url}/generate`,
      body: { prompt: '{USER_PROMPT}', beta: '{REQUEST_ID}' },
      response_extract: 'answer',
    });
    const openAi = await upstreamForTest(
      json({
        choices: [
          { index: 0, message: { role: 'assistant', content: 'from OpenAI' }, finish_reason: 'stop' },
        ],
      }),
    );
    await mustRegister(service, {
      model_name: model,
      protocol: 'openai',
      req_url_template: `${openAi.url}/v1`,
    });
    await mustRegister(service, claude(model));
    await putPolicy(model, { strategy: 'round_robin' });
    return { model, templated, openAi };
  }

  it('answers from each of them in one shape', async () => {
    upstream.answer = answering(JSON.stringify(MESSAGE));
    const { model, templated, openAi } = await mixed();
    const texts = new Set<string>();
    for (let i = 0; i < 12; i++) {
      const { content } = await client.messages.create(
        { ...ask, model },
        { headers: { 'anthropic-beta': 'a-beta' } },
      );
      texts.add(content.map((block) => (block.type === 'text' ? block.text : '')).join(''));
    }
    expect(texts).toEqual(new Set(['Sunny.', 'from the template', 'from OpenAI']));
    expect(openAi.requests[0]?.body).toContain('"messages":[{"role":"user","content":"hello"}]');
    for (const { headers } of [...templated.requests, ...openAi.requests]) {
      expect(headers).not.toHaveProperty('anthropic-beta');
      expect(headers).not.toHaveProperty('anthropic-version');
    }
  });

  it('has what the others have no words for done by those that do', async () => {
    const { model, templated, openAi } = await mixed();
    for (let i = 0; i < 8; i++) {
      upstream.answer = answering('{"input_tokens":5}');
      const { input_tokens } = await client.messages.countTokens({ ...ask, model });
      expect(input_tokens).toBe(5);
      upstream.answer = answering(JSON.stringify(MESSAGE));
      const { status, text: body } = await service.post('/v1/messages', {
        ...ask,
        ...MCP,
        model,
      });
      expect([status, body]).toEqual([200, JSON.stringify(MESSAGE)]);
    }
    expect([templated.requests, openAi.requests]).toEqual([[], []]);
    expect(upstream.calls).toBe(16);
  });

  it('says so when those are switched off', async () => {
    const { model } = await mixed();
    const list = (await service.get(`/api/v1/workers?model_name=${model}`)).json as {
      data: readonly { id: string; protocol: string }[];
    };
    const id = list.data.find(({ protocol }) => protocol === 'anthropic')?.id;
    expect((await service.post(`/api/v1/workers/${id}/disable`, {})).status).toBe(200);
    const refused = await service.post('/v1/messages', { ...ask, ...MCP, model });
    expect([refused.status, refused.json]).toMatchObject([
      400,
      {
        type: 'error',
        error: { type: 'invalid_request_error', message: expect.stringContaining('mcp_servers') as string },
      },
    ]);
    const error = await failure(client.messages.countTokens({ ...ask, model }));
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect((error as Error).message).toMatch(/count_tokens.*protocol .*anthropic.*usage/);
  });

  it('asks those that are left when one is not reached', async () => {
    const gone = await upstreamForTest();
    const model = await modelOf({}, gone.url);
    await gone.close();
    const templated = await upstreamForTest(json({ answer: 'from the template' }));
    await mustRegister(service, {
      model_name: model,
      req_url_template: `${templated.url}/generate`,
      body: { prompt: '{USER_PROMPT}' },
      response_extract: 'answer',
    });
    for (let i = 0; i < 4; i++)
      expect(await client.messages.create({ ...ask, model })).toMatchObject({
        model,
        content: [{ type: 'text', text: 'from the template' }],
      });
    // Nobody that could take it was reached: that is the reason.
    const error = await failure(client.messages.countTokens({ ...ask, model }));
    expect(error).toMatchObject({ status: 502, type: 'api_error' });
  });
});

describe('A fallback', () => {
  it('is called by its own name, whichever way', async () => {
    const fallback = await modelOf({ upstream_model: undefined });
    const busy = await upstreamForTest(text('{}', 503));
    const first = await modelOf({}, busy.url);
    await putPolicy(first, { fallbacks: [fallback] });
    upstream.answer = answering(JSON.stringify(MESSAGE));
    for (const path of ['/v1/messages', '/v1/chat/completions']) {
      const { status, headers } = await service.post(path, { ...ask, model: first });
      expect([status, headers.get('x-mmm-model')]).toEqual([200, fallback]);
      expect(seen().json).toMatchObject({ model: fallback });
    }
  });
});

describe("Anthropic's client", () => {
  it('lists models and finds one, page by page, / in its name or not', async () => {
    const names: string[] = [];
    for await (const each of client.models.list({ limit: 2 })) names.push(each.id);
    const listed = (await service.get('/v1/models')).json as {
      object: string;
      data: readonly { id: string }[];
    };
    expect(listed.object).toBe('list');
    expect(names.toSorted()).toEqual(listed.data.map(({ id }) => id).toSorted());
    expect(await client.models.retrieve('org/claude')).toMatchObject({
      id: 'org/claude',
      type: 'model',
      display_name: 'org/claude',
      created_at: expect.stringMatching(/^20\d\d-.*Z$/) as string,
    });
    await expect(client.models.retrieve('nobody')).rejects.toMatchObject({
      status: 404,
      type: 'not_found_error',
    });
    await expect(client.models.list({ limit: 0 })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('limit') as string,
    });
  });

  it('is told in its own terms what of a body cannot be read', async () => {
    const bodies = [
      '',
      '[]',
      '{"model":',
      '{"messages":[]}',
      '{"model":"org/claude","stream":"yes"}',
      '{"model":"a","model":"a"}',
    ];
    for (const path of ['/v1/messages', '/v1/messages/count_tokens'])
      for (const body of bodies) {
        const { status, json: told } = await service.post(path, body);
        expect([body, status, told]).toMatchObject([
          body,
          400,
          { type: 'error', error: { type: 'invalid_request_error' } },
        ]);
      }
    const { status, json: told } = await service.post('/v1/messages/batches', {});
    expect([status, told]).toMatchObject([404, { type: 'error', error: { type: 'not_found_error' } }]);
    expect(upstream.calls).toBe(0);
  });

  it('keeps its deadline, and hangs up on the upstream', async () => {
    let closed = 0;
    upstream.answer = (response) => void response.once('close', () => (closed += 1));
    const late = await service.post('/v1/messages', ask, { 'x-request-timeout-ms': '80' });
    expect([late.status, late.json]).toMatchObject([
      504,
      { type: 'error', error: { type: 'timeout_error' } },
    ]);
    const signal = AbortSignal.timeout(80);
    await expect(client.messages.create(ask, { signal })).rejects.toThrow(/abort|timeout/i);
    await until(() => closed === 2);
    upstream.answer = (response) => {
      streaming([START], () => {})(response);
      response.once('close', () => (closed += 1));
    };
    const stream = await client.messages.create({ ...ask, stream: true });
    for await (const { type } of stream) if (type === 'message_start') break;
    await until(() => closed === 3);
  });
});
