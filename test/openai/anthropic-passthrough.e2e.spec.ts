import { randomUUID } from 'node:crypto';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { upstreamForTest } from '../fixtures/worker.js';
import { until } from '../until.js';
import {
  answering,
  REQUEST,
  BLOCKS,
  CLIENTS_KEY,
  type Claude,
  failure,
  KEY,
  MESSAGE,
  startClaude,
} from './claude.js';
import { mustRegister } from './models.js';

let claude: Claude;
beforeAll(async () => void (claude = await startClaude()));
beforeEach(() => {
  claude.upstream.last = null;
  claude.upstream.calls = 0;
});
afterAll(() => claude.stop());

describe("Anthropic's client, with an anthropic worker", () => {
  it('gets thinking, citations, server tools and cache counts unchanged', async () => {
    claude.upstream.answer = answering(JSON.stringify(MESSAGE), 200, {
      'request-id': 'req_up',
      'anthropic-ratelimit-tokens-remaining': '1000',
      'anthropic-organization-id': 'the-operators',
      'set-cookie': 'a=b',
    });
    const { data, response } = await claude.client.messages.create(REQUEST).withResponse();
    expect(data).toMatchObject(MESSAGE);
    const seen = Object.fromEntries(response.headers);
    expect(seen).toMatchObject({
      'request-id': 'req_up',
      'anthropic-ratelimit-tokens-remaining': '1000',
      'x-mmm-attempts': '1',
      'x-mmm-upstream-ms': expect.stringMatching(/^\d/) as string,
      'x-mmm-worker-id': expect.stringMatching(/^[\da-f-]{36}$/) as string,
    });
    expect(Object.keys(seen)).not.toContain('anthropic-organization-id');
    expect(Object.keys(seen)).not.toContain('set-cookie');
  });

  it('sends its request unchanged, except for the name of the model', async () => {
    claude.upstream.answer = answering(JSON.stringify(MESSAGE));
    const cached = { type: 'ephemeral' as const, ttl: '1h' as const };
    const request: Anthropic.MessageCreateParamsNonStreaming = {
      ...REQUEST,
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
    await claude.client.messages.create(request);
    expect(claude.seen()).toMatchObject({
      url: '/v1/messages',
      json: { ...request, model: 'claude-opus-4-5' },
      headers: { 'content-type': 'application/json', 'x-api-key': KEY },
    });
  });

  it('sends its version and its betas, joined with those of the worker, but never its keys', async () => {
    claude.upstream.answer = answering(JSON.stringify(MESSAGE));
    const beta = { 'Anthropic-Beta': 'context-1m-2025-08-07, files-api-2025-04-14' };
    const workers = { 'x-api-key': KEY, 'Anthropic-Version': '2023-01-01', ...beta };
    const model = await claude.modelOf({ header: workers });
    const sent = { cookie: 'c=d', 'anthropic-workspace-id': 'wrkspc_1', 'x-session-id': 's' };
    const betas = ['files-api-2025-04-14', 'mcp-client-2025-11-20'];
    await claude.client.beta.messages.create({ ...REQUEST, model, betas }, { headers: sent });
    const { headers } = claude.seen();
    expect(headers).toMatchObject({
      'x-api-key': KEY,
      'anthropic-version': expect.stringMatching(/^202[6-9]-/) as string,
      'anthropic-beta': 'context-1m-2025-08-07,files-api-2025-04-14,mcp-client-2025-11-20',
    });
    for (const never of ['cookie', 'authorization', 'anthropic-workspace-id', 'x-session-id'])
      expect(headers).not.toHaveProperty(never);
    expect(JSON.stringify(headers)).not.toContain(CLIENTS_KEY);

    const { status } = await claude.service.post('/v1/messages?beta=true&key=x', { ...REQUEST, model });
    expect([status, claude.seen().headers['anthropic-version']]).toEqual([200, '2023-01-01']);
    // Older clients mark the beta API in the query.
    expect(claude.seen().url).toBe('/v1/messages?beta=true');
    expect(claude.seen().headers['anthropic-beta']).toBe(beta['Anthropic-Beta']);
  });

  it('always sends a version, even if neither client nor worker sets one', async () => {
    claude.upstream.answer = answering(JSON.stringify(MESSAGE));
    const model = `org/bare-${randomUUID()}`;
    const worker = {
      model_name: model,
      protocol: 'anthropic',
      req_url_template: `${claude.upstream.url}/v1`,
    };
    await mustRegister(claude.service, worker);
    for (const path of ['/v1/messages', '/v1/chat/completions']) {
      const { status } = await claude.service.post(path, { ...REQUEST, model });
      expect([status, claude.seen().headers['anthropic-version']]).toEqual([200, '2023-06-01']);
    }
  });

  it.each(['', ' ', 'é', '2026\t10', 'x'.repeat(5000)])('ignores an invalid header %j', async (value) => {
    claude.upstream.answer = answering(JSON.stringify(MESSAGE));
    const headers = { 'anthropic-version': value, 'anthropic-beta': value };
    const { status } = await claude.service.post('/v1/messages', REQUEST, headers);
    expect([status, claude.upstream.calls]).toEqual([200, 1]);
  });

  it('counts tokens', async () => {
    claude.upstream.answer = answering('{"input_tokens":2095}');
    expect(
      await claude.client.messages.countTokens({ model: REQUEST.model, messages: REQUEST.messages }),
    ).toEqual({
      input_tokens: 2095,
    });
    expect(claude.seen()).toMatchObject({
      url: '/v1/messages/count_tokens',
      json: { model: 'claude-opus-4-5', messages: REQUEST.messages },
    });
  });
});

describe('An error of an anthropic worker', () => {
  const refusal = (type: string) =>
    `{"type":"error","error":{"type":"${type}","message":"no, \\u00e9"},  "request_id":"req_up"}`;

  it.each([
    [400, 'invalid_request_error'],
    [404, 'not_found_error'],
    [413, 'request_too_large'],
    [429, 'rate_limit_error'],
    [500, 'api_error'],
    [529, 'overloaded_error'],
  ])('with status %i reaches the client unchanged, whole and streamed', async (status, type) => {
    for (const stream of [false, true]) {
      claude.upstream.answer = answering(refusal(type), status, {
        'retry-after': '7',
        'request-id': 'req_up',
      });
      const answer = await claude.service.post('/v1/messages', { ...REQUEST, stream });
      expect([answer.status, answer.text]).toEqual([status, refusal(type)]);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-type': 'application/json',
        'retry-after': '7',
        'request-id': 'req_up',
        'x-mmm-attempts': '1',
      });
      const isFinal = [400, 413].includes(status);
      expect(answer.headers.get('x-should-retry')).toBe(isFinal ? 'false' : null);
      const error = await failure(claude.client.messages.create({ ...REQUEST, stream }));
      expect(error).toBeInstanceOf(Anthropic.APIError);
      expect(error).toMatchObject({ status, type, requestID: 'req_up' });
    }
  });

  it.each([401, 402, 403])('with status %i is a 502 that hides all credentials', async (status) => {
    claude.upstream.answer = answering(
      `{"type":"error","error":{"type":"x","message":"bad key ${KEY}"}}`,
      status,
    );
    for (const stream of [false, true]) {
      const model = await claude.modelOf({});
      const error = await failure(claude.client.messages.create({ ...REQUEST, model, stream }));
      expect(error).toMatchObject({ status: 502, type: 'api_error' });
      expect((error as Error).message).toContain('worker execute error');
      expect(JSON.stringify([error, (error as Error).message])).not.toContain(KEY);
      expect((error as InstanceType<typeof Anthropic.APIError>).requestID).toMatch(/^[\da-f-]{36}$/);
    }
  });

  it('is retried at another worker before the first byte', async () => {
    const good = await upstreamForTest(json(MESSAGE));
    const model = await claude.modelOf({});
    await claude.add(model, good.url);
    for (const status of [429, 503, 529]) {
      claude.upstream.answer = answering(refusal('x'), status);
      for (let i = 0; i < 3; i++)
        expect(await claude.client.messages.create({ ...REQUEST, model })).toMatchObject({ id: 'msg_up' });
    }
  });
});

describe("Anthropic's client", () => {
  it('lists models in pages and finds one, with or without / in its name', async () => {
    const names: string[] = [];
    for await (const each of claude.client.models.list({ limit: 2 })) names.push(each.id);
    const listed = (await claude.service.get('/v1/models')).json as {
      object: string;
      data: readonly { id: string }[];
    };
    expect(listed.object).toBe('list');
    expect(names.toSorted()).toEqual(listed.data.map(({ id }) => id).toSorted());
    expect(await claude.client.models.retrieve('org/claude')).toMatchObject({
      id: 'org/claude',
      type: 'model',
      display_name: 'org/claude',
      created_at: expect.stringMatching(/^20\d\d-.*Z$/) as string,
    });
    await expect(claude.client.models.retrieve('unknown')).rejects.toMatchObject({
      status: 404,
      type: 'not_found_error',
    });
    await expect(claude.client.models.list({ limit: 0 })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('limit') as string,
    });
  });

  it('gets the faults of a body in the format of Anthropic', async () => {
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
        const { status, json: answer } = await claude.service.post(path, body);
        expect([body, status, answer]).toMatchObject([
          body,
          400,
          { type: 'error', error: { type: 'invalid_request_error' } },
        ]);
      }
    const { status, json: answer } = await claude.service.post('/v1/messages/batches', {});
    expect([status, answer]).toMatchObject([404, { type: 'error', error: { type: 'not_found_error' } }]);
    expect(claude.upstream.calls).toBe(0);
  });

  it('keeps its timeout, which ends the upstream call', async () => {
    let closed = 0;
    claude.upstream.answer = (response) => void response.once('close', () => (closed += 1));
    const late = await claude.service.post('/v1/messages', REQUEST, { 'x-request-timeout-ms': '1000' });
    expect([late.status, late.json]).toMatchObject([
      504,
      { type: 'error', error: { type: 'timeout_error' } },
    ]);
    await until(() => closed === 1);
    const leaving = new AbortController();
    const { calls } = claude.upstream;
    const { signal } = leaving;
    const failed = failure(claude.client.messages.create(REQUEST, { signal }));
    await until(() => claude.upstream.calls > calls);
    leaving.abort();
    expect(String(await failed)).toMatch(/abort/i);
    await until(() => closed === 2);
  });
});
