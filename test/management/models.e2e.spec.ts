import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer as UpstreamAnswer, type Behaviour, json, slow } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { type Answer, startService, type TestService } from '../service.js';

let service: TestService;
beforeAll(async () => {
  // So long that no change can arrive by polling.
  service = await startService({ tuning: { registry: { resyncMs: 3_600_000 } } });
});
afterAll(() => service.stop());

const path = (name: string) => `/api/v1/models/${encodeURI(name)}`;

async function send(method: string, name: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(service.url + path(name), {
    method,
    headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer = { status: response.status, headers: response.headers, text };
  return { ...answer, json: (text === '' ? undefined : JSON.parse(text)) as Answer['json'] };
}
const put = (name: string, body: unknown, headers?: Record<string, string>) =>
  send('PUT', name, body, headers);

describe('a model policy', () => {
  it('is created, read, changed, kept and deleted, also with / and spaces in its name', async () => {
    const name = 'meta-llama/Llama 3.1 8B';
    const made = await put(name, { strategy: 'round_robin', queue: { max: 5 } });
    expect([made.status, made.headers.get('etag')]).toEqual([201, '"1"']);
    expect(made.json).toMatchObject({
      name,
      strategy: 'round_robin',
      fallbacks: [],
      retries: null,
      queue: { max: 5, wait_ms: null },
      generation: 1,
      updated_by: 'root',
    });
    expect((await service.get(path(name))).json).toEqual(made.json);
    // What the policy leaves out is what the settings say.
    expect(made.json).toMatchObject({
      effective: {
        strategy: 'round_robin',
        retries: 2,
        retry_on: expect.arrayContaining(['connection', 'timeout']) as unknown,
        queue: { max: 5, max_per_slot: null, wait_ms: 10_000 },
        timeouts: { total_ms: 600_000 },
      },
    });

    const same = await put(name, { strategy: 'round_robin', queue: { max: 5 } });
    expect([same.status, same.headers.get('etag')]).toEqual([200, '"1"']);
    const changed = await put(name, { retries: 0 });
    expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"']);
    expect(changed.json).toMatchObject({ strategy: null, retries: 0, queue: { max: null } });
    expect(changed.json).toMatchObject({
      effective: { strategy: 'least_load', retries: 0, queue: { max: 1000, max_per_slot: 2 } },
    });

    expect((await send('DELETE', name)).status).toBe(204);
    expect((await send('DELETE', name)).status).toBe(404);
    expect((await service.get(path(name))).status).toBe(404);
  });

  it('is changed only in the generation of If-Match', async () => {
    expect((await put('guarded', {}, { 'if-match': '"0"' })).status).toBe(201);
    expect((await put('guarded', { retries: 1 }, { 'if-match': '"7"' })).status).toBe(412);
    expect((await put('guarded', { retries: 1 }, { 'if-match': '"1"' })).status).toBe(200);
    expect((await send('DELETE', 'guarded', undefined, { 'if-match': '"1"' })).status).toBe(412);
    expect((await send('DELETE', 'guarded', undefined, { 'if-match': '"2"' })).status).toBe(204);
  });

  it('is listed by name, page by page, with the models that have only workers', async () => {
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const names = ['list-a', 'list-b/x', 'list-c', 'list-ü'];
    await service.register(aWorker(upstream, { model_name: 'list-a' }));
    await service.register(aWorker(upstream, { model_name: 'list-c' }));
    await put('list-b/x', {});
    await put('list-c', { retries: 2 });
    await put('list-ü', {});
    const seen: { name: string; generation: number; workers: object }[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? '?limit=2' : `?limit=2&cursor=${cursor}`;
      const page = (await service.get(`/api/v1/models${query}`)).json as {
        data: typeof seen;
        next_cursor: string | null;
      };
      expect(page.data.length).toBeLessThanOrEqual(2);
      seen.push(...page.data);
      cursor = page.next_cursor;
    }
    const listed = seen.filter(({ name }) => name.startsWith('list-'));
    expect(listed.map(({ name }) => name)).toEqual(names);
    expect(listed.map(({ generation }) => generation)).toEqual([0, 1, 1, 1]);
    expect(listed.map(({ workers }) => Object.values(workers).length)).toEqual([1, 0, 1, 0]);
  });

  it.each<[string, unknown, string]>([
    ['an unknown field', { strategie: 'random' }, 'strategie'],
    ['an unknown strategy', { strategy: 'best' }, 'strategy'],
    ['fallbacks that are not a list', { fallbacks: 'b' }, 'fallbacks'],
    ['an empty fallback', { fallbacks: [''] }, 'fallbacks'],
    ['a fallback named twice', { fallbacks: ['b', 'b'] }, 'fallbacks'],
    ['more fallbacks than ten', { fallbacks: 'abcdefghijk'.split('') }, 'fallbacks'],
    ['a fraction of a retry', { retries: 0.5 }, 'retries'],
    ['an unknown cause of retries', { retry_on: ['404'] }, 'retry_on'],
    ['a negative queue wait', { queue: { wait_ms: -1 } }, 'queue.wait_ms'],
    ['a timeout of 0 ms', { timeouts: { total_ms: 0 } }, 'timeouts.total_ms'],
    ['itself as its fallback', { fallbacks: ['b', 'refused'] }, 'fallbacks'],
    ['a list', [], ''],
  ])('gets a 400 that names the field: %s', async (_what, body, field) => {
    const { status, json: refusal } = await put('refused', body);
    expect(status).toBe(400);
    const { details, error } = refusal as { details: { field: string }[]; error: { type: string } };
    expect(error.type).toBe('invalid_request_error');
    expect(new Set(details.map((detail) => detail.field))).toEqual(new Set([field]));
    expect((await service.get(path('refused'))).status).toBe(404);
  });

  it('whose fallbacks would form a cycle is rejected with the cycle', async () => {
    await put('round-b', { fallbacks: ['round-c'] });
    await put('round-c', { fallbacks: ['round-a'] });
    const { status, text } = await put('round-a', { fallbacks: ['elsewhere', 'round-b'] });
    expect(status).toBe(400);
    expect(text).toContain('round-a → round-b → round-c → round-a');
    expect((await put('round-a', { fallbacks: ['elsewhere'] })).status).toBe(201);
  });

  it('cannot form a cycle when two policies are written at once', async () => {
    for (let round = 0; round < 5; round++) {
      const [a, b] = [`race-a${round}`, `race-b${round}`];
      const answers = await Promise.all([put(a, { fallbacks: [b] }), put(b, { fallbacks: [a] })]);
      expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([201, 400]);
    }
  });

  it('is applied when it is written in SQL', async () => {
    const upstream = await upstreamForTest(json({ answer: 'the other' }));
    await service.register(aWorker(upstream, { model_name: 'by-hand-b' }));
    await service.database.query(`INSERT INTO model (name, fallbacks) VALUES ('by-hand-a', '{by-hand-b}')`);
    const answer = async () => (await service.chat('by-hand-a', 'x')).status;
    await expect.poll(answer).toBe(200);
    await service.database.query(`DELETE FROM model WHERE name = 'by-hand-a'`);
    await expect.poll(answer).toBe(404);
  });

  it.each([
    `fallbacks = '{NULL}'`,
    `fallbacks = '{""}'`,
    `fallbacks = '{nonsense}'`,
    `fallbacks = '{{a,b},{c,d}}'`,
    `retry_on = '{NULL}'`,
    `retry_on = '{{500,502},{503,504}}'`,
    `strategy = 'best'`,
    `queue_max = -1`,
  ])('cannot be written in SQL if it is invalid: %s', async (nonsense) => {
    await put('nonsense', { retries: 1 });
    await expect(
      service.database.query(`UPDATE model SET ${nonsense} WHERE name = 'nonsense'`),
    ).rejects.toThrow(/violates check constraint|multidimensional/);
    expect((await service.get(path('nonsense'))).json).toMatchObject({ generation: 1 });
  });
});

describe('a model policy', () => {
  const UNPROBED = { health_check: { kind: 'none' } };

  async function threeWorkers(model: string) {
    const upstreams = await Promise.all([1, 2, 3].map(() => upstreamForTest(json({ answer: 'x' }))));
    for (const upstream of upstreams)
      await service.register(aWorker(upstream, { model_name: model, ...UNPROBED }));
    return () => upstreams.map(({ requests }) => requests.length);
  }

  it('sets the strategy from the next request on', async () => {
    const requestsOf = await threeWorkers('strategic');
    await put('strategic', { strategy: 'round_robin' });
    for (let i = 0; i < 9; i++) await service.chat('strategic', 'x');
    expect(requestsOf()).toEqual([3, 3, 3]);
    await put('strategic', { strategy: 'consistent_hash' });
    for (let i = 0; i < 9; i++) await service.chat('strategic', 'x', { 'x-session-id': 'one' });
    expect(requestsOf().toSorted((a, b) => a - b)).toEqual([3, 3, 12]);
  });

  it('bounds how many requests wait and for how long', async () => {
    const upstream = await upstreamForTest(slow(400, json({ answer: 'x' })));
    await service.register(aWorker(upstream, { model_name: 'queued', max_concurrency: 1, ...UNPROBED }));
    const statuses = async () => {
      const answers = await Promise.all([1, 2, 3].map(() => service.chat('queued', 'x')));
      return answers.map(({ status }) => status).toSorted((a, b) => a - b);
    };
    expect(await statuses()).toEqual([200, 200, 200]);
    await put('queued', { queue: { max: 1 } });
    expect(await statuses()).toEqual([200, 200, 503]);
    await put('queued', { queue: { max: 0 } });
    expect(await statuses()).toEqual([200, 503, 503]);
    await put('queued', { queue: { wait_ms: 100 } });
    expect(await statuses()).toEqual([200, 503, 503]);
  });

  it('sets the timeouts of streams for workers that have none of their own', async () => {
    const begins: UpstreamAnswer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n');
    };
    const more = { protocol: 'openai', ...UNPROBED };
    const register = async (model: string, behaviour: Behaviour, own: object = {}) => {
      const { url } = await upstreamForTest(behaviour);
      const worker = { model_name: model, req_url_template: `${url}/v1`, ...more, ...own };
      expect((await service.register(worker)).status).toBe(200);
      await put(model, { timeouts: { first_byte_ms: 200, idle_ms: 200 } });
    };
    await register('waits-first', 'hangs');
    await register('waits-idle', begins);
    await register('waits-whole', slow(700, json({ choices: [{ message: { content: 'late' } }] })));
    await register('waits-own', slow(700, begins), { timeouts: { first_byte_ms: 5_000 } });
    const chat = (model: string, stream: boolean) =>
      service.post('/v1/chat/completions', { model, stream, messages: [{ role: 'user', content: 'x' }] });
    expect((await chat('waits-first', true)).text).toContain('sent nothing within 200 ms');
    expect((await chat('waits-idle', true)).text).toContain('fell silent for 200 ms');
    expect((await chat('waits-whole', false)).status).toBe(200);
    expect((await chat('waits-own', true)).text).toContain('fell silent for 200 ms');
  });
});
