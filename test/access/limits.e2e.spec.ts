import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../fakes/fake-upstream.js';
import { LiveKeys } from '../../src/access/keys/live-keys.js';
import { LimitExchange } from '../../src/access/limits/limit-exchange.js';
import { LimitTable } from '../../src/access/limits/limit-table.js';
import { DatabaseConnection } from '../../src/database/database-connection.js';
import { ReplicaIdentity } from '../../src/database/replica-identity.js';
import { startService, type TestService } from '../service.js';
import { until } from '../until.js';
import { bearer, change, limitedKey, type LimitedKey, ModelServer, root, SETTINGS } from './limited-keys.js';

let service: TestService;
beforeAll(async () => {
  service = await startService(SETTINGS);
});
afterAll(() => service.stop());

const chatOf = (model: string, more: object = {}) => ({
  model,
  messages: [{ role: 'user' as const, content: 'hi' }],
  ...more,
});
const openAiOf = ({ key }: LimitedKey, maxRetries = 0) =>
  new OpenAI({ baseURL: `${service.url}/v1`, apiKey: key, maxRetries });
const chat = ({ model }: ModelServer, { key }: LimitedKey, more: object = {}) =>
  service.post('/v1/chat/completions', chatOf(model, more), bearer(key));
const leftOf = (headers: Headers, what: 'requests' | 'tokens') =>
  Number(headers.get(`x-ratelimit-remaining-${what}`) ?? NaN);

describe('headers of limits', () => {
  it('are on every answer of a key with limits, whatever its API and its status, and on no other', async () => {
    const server = await ModelServer.start(service, 'openai');
    const key = await limitedKey(
      service,
      { requests_per_minute: 1_000, tokens_per_minute: 100_000 },
      { models: [server.model, 'gone'] },
    );
    const { model } = server;
    const answers = [
      await chat(server, key),
      await chat(server, key, { stream: true }),
      await service.post('/api/v1/chat/completions', { model_name: model, input: 'hi' }, bearer(key.key)),
      await chat(server, key, { messages: 'wrong' }),
      await service.post('/v1/chat/completions', '{"model": ', bearer(key.key)),
      await service.post('/v1/chat/completions', chatOf('gone'), bearer(key.key)),
      await service.post('/v1/chat/completions', chatOf('foreign'), bearer(key.key)),
      await service.post('/v1/embeddings', { model, input: 'x' }, bearer(key.key)),
    ];
    for (const { headers, status } of answers) {
      expect([
        status,
        headers.get('x-ratelimit-limit-requests'),
        headers.get('x-ratelimit-limit-tokens'),
      ]).toEqual([status, '1000', '100000']);
      expect(leftOf(headers, 'requests')).toBeGreaterThan(990);
      expect(headers.get('x-ratelimit-reset-requests')).toMatch(/^\d+ms$/);
      expect(headers.get('x-ratelimit-reset-tokens')).toMatch(/^(\d+ms|[\d.]+s)$/);
    }
    expect(answers.map(({ status }) => status).slice(0, 7)).toEqual([200, 200, 200, 200, 400, 404, 403]);
    // An upstream's own headers are for a client without limits only.
    const free = await chat(server, await limitedKey(service, null));
    expect([free.headers.get('x-ratelimit-limit-requests'), leftOf(free.headers, 'tokens')]).toEqual([
      '9999',
      8,
    ]);
    expect(
      (await chat(server, await limitedKey(service, { max_concurrent: 9 }))).headers.get(
        'x-ratelimit-limit-requests',
      ),
    ).toBe('9999');
  });

  it('have Anthropic’s names for its API', async () => {
    const server = await ModelServer.start(service, 'anthropic');
    const key = await limitedKey(service, { requests_per_minute: 60 });
    const client = new Anthropic({ baseURL: service.url, apiKey: key.key, maxRetries: 0 });
    const message = {
      model: server.model,
      max_tokens: 5,
      messages: [{ role: 'user' as const, content: 'hi' }],
    };
    const { response } = await client.messages.create(message).withResponse();
    expect(response.headers.get('anthropic-ratelimit-requests-limit')).toBe('60');
    expect(response.headers.get('anthropic-ratelimit-requests-remaining')).toBe('59');
    const reset = response.headers.get('anthropic-ratelimit-requests-reset') ?? '';
    expect(reset).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(Date.parse(reset)).toBeLessThan(Date.now() + 3_000);
    expect([...response.headers.keys()].filter((name) => name.startsWith('x-ratelimit'))).toEqual([]);
  });

  it('show the tighter one of key and team', async () => {
    const server = await ModelServer.start(service, 'openai');
    await change(service, 'PUT', '/api/v1/teams/tight', { limits: { requests_per_minute: 20 } });
    const key = await limitedKey(service, { requests_per_minute: 1_000 }, { team: 'tight' });
    const { headers } = await chat(server, key);
    expect([headers.get('x-ratelimit-limit-requests'), leftOf(headers, 'requests')]).toEqual(['20', 19]);
  });
});

describe('a request above a limit', () => {
  it('gets a 429 in the envelope of its API, which names the limit, whose it is, and when again', async () => {
    const server = await ModelServer.start(service, 'openai');
    const key = await limitedKey(service, { requests_per_minute: 1 });
    expect((await chat(server, key)).status).toBe(200);
    const refused = await openAiOf(key)
      .chat.completions.create(chatOf(server.model))
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OpenAI.RateLimitError);
    const { code, type, message, headers } = refused as InstanceType<typeof OpenAI.RateLimitError>;
    expect([code, type]).toEqual(['rate_limit_exceeded', 'rate_limit_error']);
    expect(message).toMatch(
      new RegExp(
        `requests_per_minute: the key "${key.name}" may use 1 requests a minute; again in (5\\d|60)\\.\\d s`,
      ),
    );
    expect(Number(headers?.get('retry-after'))).toBeGreaterThan(50);
    expect(headers?.get('x-ratelimit-remaining-requests')).toBe('0');

    const anthropic = new Anthropic({ baseURL: service.url, apiKey: key.key, maxRetries: 0 });
    const message2 = {
      model: server.model,
      max_tokens: 5,
      messages: [{ role: 'user' as const, content: 'hi' }],
    };
    const other = await anthropic.messages.create(message2).catch((error: unknown) => error);
    expect(other).toBeInstanceOf(Anthropic.RateLimitError);
    expect((other as InstanceType<typeof Anthropic.RateLimitError>).error).toMatchObject({
      error: { type: 'rate_limit_error' },
    });

    const native = await service.post(
      '/api/v1/chat/completions',
      { model_name: server.model, input: 'hi' },
      bearer(key.key),
    );
    expect([native.status, native.json]).toEqual([
      429,
      { success: false, msg: expect.stringContaining('requests_per_minute') as string },
    ]);
    const job = await service.post('/api/v1/jobs', { model: server.model, input: 'hi' }, bearer(key.key));
    expect([job.status, job.json]).toMatchObject([429, { error: { code: 'rate_limit_exceeded' } }]);
    const line = { status: 429, error_type: 'caller_limited', key: key.name };
    await expect.poll(() => service.log).toContainEqual(expect.objectContaining(line));
  });

  /** One retry: it comes too early where the client takes its own 0.4 to 0.5 s instead of the header's time. */
  it.each<[string, (key: LimitedKey, model: string, max_tokens: number) => Promise<unknown>]>([
    [
      'OpenAI',
      (key, model, max_tokens) => openAiOf(key, 1).chat.completions.create(chatOf(model, { max_tokens })),
    ],
    [
      'Anthropic',
      (key, model, max_tokens) =>
        new Anthropic({ baseURL: service.url, apiKey: key.key, maxRetries: 1 }).messages.create({
          ...chatOf(model),
          max_tokens,
        }),
    ],
  ])('succeeds by the first retry of the client of %s, after the time in the headers', async (_of, call) => {
    const server = await ModelServer.start(service, 'openai');
    const key = await limitedKey(service, { tokens_per_minute: 6_000 });
    // Its worker reports the tokens of a whole minute.
    expect((await chat(server, key, { user: '6000' })).status).toBe(200);
    // What a replica uses refills for all of them once the others have heard of it.
    await until(async () => {
      const rows = await service.database.query(
        `SELECT FROM limit_use JOIN api_key ON subject = 'key ' || id WHERE name = $1 AND tokens_left < 1000`,
        [key.name],
      );
      return rows.length > 0;
    });
    // 100 tokens come back in a second.
    const refused = await chat(server, key, { max_tokens: 350 });
    const waitMs = Number(refused.headers.get('retry-after-ms'));
    expect([refused.status, waitMs > 700 && waitMs < 4_500]).toEqual([429, true]);
    const startedMs = performance.now();
    await call(key, server.model, 350);
    expect(performance.now() - startedMs).toBeGreaterThan(600);
    const statuses = () => service.log.flatMap((line) => (line['key'] === key.name ? [line['status']] : []));
    // A line is written when its response is closed.
    await expect.poll(statuses).toEqual([200, 429, 429, 200]);
  });
});

describe('tokens', () => {
  it('are estimated when a stream begins, and charged as used at its end', async () => {
    const server = await ModelServer.start(service, 'openai');
    const key = await limitedKey(service, { tokens_per_minute: 100_000 });
    const held = await openAiOf(key).chat.completions.create({
      model: server.model,
      messages: [{ role: 'user', content: 'hold' }],
      stream: true,
      max_completion_tokens: 90_000,
    });
    const during = await chat(server, key);
    // 1,667 come back in a second.
    expect(leftOf(during.headers, 'tokens')).toBeLessThan(60_000);
    // Another of that size does not fit now.
    expect((await chat(server, key, { max_tokens: 90_000 })).status).toBe(429);
    await until(() => server.held.length === 1);
    server.release();
    for await (const _ of held);
    await until(async () => leftOf((await chat(server, key)).headers, 'tokens') > 99_000);
  });

  it('of a request that failed are given back', async () => {
    const server = await ModelServer.start(service, 'openai');
    const key = await limitedKey(service, { tokens_per_minute: 100_000 });
    server.upstream.behave(
      (response) =>
        void response
          .writeHead(400, { 'content-type': 'application/json' })
          .end('{"error":{"message":"no"}}'),
    );
    expect((await chat(server, key, { max_tokens: 90_000 })).status).toBe(400);
    // What comes back by itself would be enough after 48 s.
    await until(async () => (await chat(server, key, { max_tokens: 90_000 })).status === 400);
  });
});

describe('tokens of jobs', () => {
  /** What is left, by a request that uses nothing. */
  const left = async (key: LimitedKey) => {
    const answer = await service.post('/v1/chat/completions', chatOf('none'), bearer(key.key));
    return leftOf(answer.headers, 'tokens');
  };
  const job = async (server: ModelServer, key: LimitedKey, maxTokens: number) => {
    const body = { model: server.model, prompt: 'x', max_tokens: maxTokens };
    const { status, json } = await service.post('/api/v1/jobs', body, bearer(key.key));
    return { status, id: (json as { readonly id?: string }).id ?? '' };
  };
  const isIn = (state: string, id: string, key: LimitedKey) =>
    until(async () => {
      const { json } = await service.get(`/api/v1/jobs/${id}`, bearer(key.key));
      return (json as { readonly status: string }).status === state;
    });
  const using =
    (tokens: number): Answer =>
    (response) => {
      const choices = [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }];
      const usage = { prompt_tokens: tokens - 1, completion_tokens: 1, total_tokens: tokens };
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'm', choices, usage }));
    };

  it('are charged once, as used, when the call has ended: of a job, and of a call that becomes one', async () => {
    const server = await ModelServer.start(service, 'openai');
    // So much that what refills meanwhile is little.
    const key = await limitedKey(service, { tokens_per_minute: 1_000_000 });
    server.upstream.behave(using(500_000));
    const { status, id } = await job(server, key, 600_000);
    expect(status).toBe(202);
    await isIn('succeeded', id, key);
    server.upstream.behave(using(1_000_000));
    const became = await service.post(
      '/v1/chat/completions',
      { ...chatOf(server.model), max_tokens: 100_000 },
      { ...bearer(key.key), prefer: 'respond-async' },
    );
    expect(became.status).toBe(202);
    await isIn('succeeded', (became.json as { readonly id: string }).id, key);
    await expect.poll(() => left(key)).toBe(0);
    // An estimate that does not fit is refused.
    expect((await job(server, key, 900_000)).status).toBe(429);
  });

  it('of one that is cancelled or fails are given back', async () => {
    const server = await ModelServer.start(service, 'openai');
    const key = await limitedKey(service, { tokens_per_minute: 60_000 });
    let calls = 0;
    server.upstream.behave(() => void ++calls);
    const held = await job(server, key, 60_000);
    await until(() => calls === 1);
    await fetch(`${service.url}/api/v1/jobs/${held.id}`, { method: 'DELETE', headers: bearer(key.key) });
    await isIn('cancelled', held.id, key);
    server.upstream.behave((response) => void response.writeHead(400).end('{"error":{"message":"no"}}'));
    const failing = await job(server, key, 50_000);
    await isIn('failed', failing.id, key);
    await expect.poll(() => left(key)).toBeGreaterThan(50_000);
  });
});

describe('max_concurrent', () => {
  it('gives a place back at once when a client hangs up', async () => {
    const server = await ModelServer.start(service, 'openai');
    const key = await limitedKey(service, { max_concurrent: 2 });
    const hangUps = [new AbortController(), new AbortController()];
    const hold = { ...chatOf(server.model, { stream: true }), messages: [{ role: 'user', content: 'hold' }] };
    const streams = await Promise.all(
      hangUps.map(({ signal }) =>
        fetch(`${service.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { ...bearer(key.key), 'content-type': 'application/json' },
          body: JSON.stringify(hold),
          signal,
        }),
      ),
    );
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    const third = await chat(server, key);
    expect([third.status, third.json]).toMatchObject([
      429,
      { error: { message: expect.stringContaining('max_concurrent') as string } },
    ]);
    hangUps[0]?.abort();
    await until(async () => (await chat(server, key)).status === 200);
    server.release();
  });
});

describe('a limit that changes', () => {
  it('holds within a second, by the API and by SQL', async () => {
    const server = await ModelServer.start(service, 'openai');
    const key = await limitedKey(service, { requests_per_minute: 600 });
    const shown = async () => (await chat(server, key)).headers.get('x-ratelimit-limit-requests');
    expect(await shown()).toBe('600');
    await change(service, 'PATCH', `/api/v1/keys/${key.id}`, { limits: { requests_per_minute: 2 } });
    await until(async () => (await shown()) === '2');
    await until(async () => (await chat(server, key)).status === 429);
    await service.database.query('UPDATE api_key SET requests_per_minute = 6000 WHERE id = $1', [key.id]);
    await until(async () => (await chat(server, key)).status === 200);
    await service.database.query('UPDATE api_key SET requests_per_minute = NULL WHERE id = $1', [key.id]);
    await until(async () => (await shown()) === '9999');
  });
});

describe('the budget of a month', () => {
  it('refuses with insufficient_quota, which clients do not try again, and counts money by the price of the model', async () => {
    const server = await ModelServer.start(service, 'openai');
    const key = await limitedKey(service, { cost_per_month: 1 });
    await change(service, 'PUT', `/api/v1/models/${server.model}`, {
      price: { currency: 'EUR', input: 1_000, output: 1_000 },
    });
    await until(async () => (await chat(server, key, { user: '400' })).status === 200);
    // A million tokens cost 1,000: 400 cost 0.4.
    await until(async () => (await chat(server, key, { user: '400' })).status === 429);
    const before = server.upstream.requests.length;
    const refused = await openAiOf(key, 3)
      .chat.completions.create(chatOf(server.model))
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 429, code: 'insufficient_quota' });
    expect((refused as Error).message).toMatch(
      /cost_per_month: the key ".*" may use 1 a month.*; again from \d{4}-\d\d-01 \(UTC\)/,
    );
    expect(server.upstream.requests).toHaveLength(before);
  });

  it('counts money of its currency alone, of a key and of a team, and sums anew when the currency changes', async () => {
    const [euros, dollars] = [
      await ModelServer.start(service, 'openai'),
      await ModelServer.start(service, 'openai'),
    ];
    for (const [{ model }, currency] of [
      [euros, 'EUR'],
      [dollars, 'USD'],
    ] as const)
      await change(service, 'PUT', `/api/v1/models/${model}`, {
        price: { currency, input: 1_000, output: 1_000 },
      });
    const limits = { cost_per_month: 1, cost_currency: 'EUR' };
    await change(service, 'PUT', '/api/v1/teams/of-euros', { limits });
    const keys = [await limitedKey(service, limits), await limitedKey(service, null, { team: 'of-euros' })];
    const messageOf = async (server: ModelServer, key: LimitedKey) =>
      ((await chat(server, key)).json as { error?: { message: string } }).error?.message ?? '';
    for (const key of keys) {
      const cost = () =>
        service.database.query(
          `SELECT FROM usage_hourly WHERE key_id = $1 AND currency = 'USD' AND cost >= 4`,
          [key.id],
        );
      expect((await chat(dollars, key, { user: '4000' })).status).toBe(200);
      await until(async () => (await cost()).length === 1);
      expect((await chat(dollars, key)).status).toBe(200);
      expect((await chat(euros, key, { user: '2000' })).status).toBe(200);
      await until(async () => (await messageOf(dollars, key)).includes('may use 1 EUR a month'));
    }
    const [key] = keys;
    await change(service, 'PATCH', `/api/v1/keys/${key?.id}`, {
      limits: { cost_per_month: 3, cost_currency: 'EUR' },
    });
    await until(async () => (await chat(dollars, keys[0] as LimitedKey)).status === 200);
    // 4 and more were spent in it before.
    await change(service, 'PATCH', `/api/v1/keys/${key?.id}`, { limits: { cost_currency: 'USD' } });
    await until(async () =>
      (await messageOf(euros, keys[0] as LimitedKey)).includes('may use 3 USD a month'),
    );
    const shown = await service.get(`/api/v1/keys/${key?.id}`, root);
    expect((shown.json as { limits: object }).limits).toMatchObject({
      cost_per_month: 3,
      cost_currency: 'USD',
    });
  });

  it('holds what was used before there was a budget, and is kept by the table', async () => {
    const server = await ModelServer.start(service, 'openai');
    const key = await limitedKey(service, null);
    expect((await chat(server, key, { user: '5000' })).status).toBe(200);
    await until(
      async () =>
        (await service.database.query('SELECT FROM usage_hourly WHERE key_id = $1', [key.id])).length > 0,
    );
    await change(service, 'PATCH', `/api/v1/keys/${key.id}`, { limits: { tokens_per_month: 5_000 } });
    await until(async () => (await chat(server, key)).status === 429);
    const rows = await service.database.query<{ month_tokens: number }>(
      'SELECT month_tokens FROM limit_use WHERE subject = $1',
      [`key ${key.id}`],
    );
    expect(rows[0]?.month_tokens).toBeGreaterThanOrEqual(5_000);
    // A replica that starts knows it before its first exchange.
    const { app } = service;
    const fresh = new LimitExchange(
      app.get(LimitTable),
      app.get(LiveKeys),
      new ReplicaIdentity(),
      app.get(DatabaseConnection),
    );
    await fresh.purge();
    const limits = app.get(LiveKeys).callerWithId(key.id)?.limits;
    if (limits === null || limits === undefined) throw new Error('the key has no limits');
    expect(fresh.of('key', key.id).meter.refusal(limits, 0, Date.now(), fresh.peers)).toMatchObject({
      limit: 'tokens_per_month',
    });
    await change(service, 'PATCH', `/api/v1/keys/${key.id}`, { limits: { tokens_per_month: 50_000 } });
    await until(async () => (await chat(server, key)).status === 200);
  });
});

it('root is not limited', async () => {
  const server = await ModelServer.start(service, 'openai');
  const { status, headers } = await service.post('/v1/chat/completions', chatOf(server.model), root);
  expect([status, headers.get('x-ratelimit-limit-requests')]).toEqual([200, '9999']);
});
