import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTurn, json, slow } from '../fakes/fake-upstream.js';
import { aWorker, keyOf, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { serviceForTest, startService, type TestService } from '../service.js';
import { until } from '../until.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

interface Health {
  readonly workers: Readonly<Record<string, number>>;
}

const VIEW_KEYS = [
  'id',
  'model_name',
  'name',
  'req_url_template',
  'owner',
  'registered_by_key',
  'registered_by_team',
  'protocol',
  'task',
  'admin_state',
  'health',
  'health_reason',
  'health_since',
  'weight',
  'power',
  'priority',
  'max_concurrency',
  'in_flight',
  'ejected_until',
  'requests',
  'last_error',
  'generation',
  'labels',
  'created_at',
  'updated_at',
];

describe('POST /api/server/register', () => {
  it('confirms a registration in JSON', async () => {
    const upstream = await upstreamForTest();
    const {
      status,
      json: body,
      headers,
    } = await service.register(aWorker(upstream, { model_name: 'first' }));
    expect([status, body]).toEqual([200, { success: true, msg: 'register LLM first succeed!' }]);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('rejects the same model and URL a second time', async () => {
    const worker = aWorker(await upstreamForTest());
    await service.register(worker);
    const again = await service.register({ ...worker, owner: 'another team' });
    expect([again.status, again.json]).toEqual([
      409,
      {
        success: false,
        msg: `LLM(model_name(${worker.model_name}), url=${worker.req_url_template}) has registered!`,
      },
    ]);
  });

  it('accepts one of many equal registrations at the same time', async () => {
    const worker = aWorker(await upstreamForTest());
    const answers = await Promise.all(Array.from({ length: 8 }, async () => service.register(worker)));
    const having = (code: number) => answers.filter(({ status }) => status === code).length;
    expect([having(200), having(409)]).toEqual([1, 7]);
  });

  it('distinguishes two accounts at one URL by name and calls each with its own header', async () => {
    const upstream = await upstreamForTest(json({ answer: 'a' }));
    const worker = aWorker(upstream);
    for (const name of ['', 'second']) {
      const header = { 'x-account': `account-${name}` };
      expect((await service.register({ ...worker, name, header })).status).toBe(200);
    }
    expect((await service.register({ ...worker, name: 'second' })).status).toBe(409);
    const seen = () => new Set(upstream.requests.map(({ headers }) => headers['x-account']));
    await until(async () => {
      await service.chat(worker.model_name, 'x');
      return seen().size === 2;
    });
    expect(seen()).toEqual(new Set(['account-', 'account-second']));
  });

  it('brings an offline worker back with its new definition and a higher generation', async () => {
    const upstream = await upstreamForTest((response, request) =>
      json({ answer: request.body })(response, request),
    );
    const worker = aWorker(upstream);
    await service.register(worker);
    const [before] = await viewsOf(service, worker.model_name);
    await service.post('/api/server/offline', keyOf(worker));
    expect((await service.register({ ...worker, body: { question: '{USER_PROMPT}' } })).status).toBe(200);
    const [after] = await viewsOf(service, worker.model_name);
    expect(after?.id).toBe(before?.id);
    expect(after?.generation).toBeGreaterThan(before?.generation ?? 0);
    expect((await service.chat(worker.model_name, 'hi')).json).toMatchObject({ result: '{"question":"hi"}' });
  });

  it.each(['disabled', 'draining'])(
    'does not enable a %s worker: 409 with the actor and the time',
    async (state) => {
      const worker = aWorker(await upstreamForTest());
      await service.register(worker);
      const [row] = await service.database.query<{ actor: string; since: Date }>(
        `UPDATE worker SET admin_state = $1 WHERE model_name = $2
         RETURNING session_user AS actor, admin_state_since AS since`,
        [state, worker.model_name],
      );
      const { status, json: body } = await service.register(worker);
      const { msg } = body as { msg: string };
      expect(status).toBe(409);
      expect(msg).toMatch(/^LLM\(model_name\(.+\), url=.+\) has registered! /);
      expect(msg).toContain(state);
      expect(msg).toContain(row?.actor);
      expect(msg).toContain(row?.since.toISOString());
      expect((await viewsOf(service, worker.model_name))[0]?.admin_state).toBe(state);
    },
  );
});

describe('GET /api/server/workers', () => {
  it('lists exactly model and URL, oldest first, without offline workers', async () => {
    const fresh = await serviceForTest();
    const upstream = await upstreamForTest();
    const empty = await fresh.get('/api/server/workers');
    expect([empty.status, empty.json]).toEqual([200, { success: true, data: [] }]);
    const workers = ['zeta', 'alpha', 'gone', 'mid'].map((model_name) => aWorker(upstream, { model_name }));
    for (const worker of workers) await fresh.register(worker);
    const gone = workers.filter(({ model_name }) => model_name === 'gone');
    for (const worker of gone) await fresh.post('/api/server/offline', keyOf(worker));
    expect((await fresh.get('/api/server/workers')).json).toEqual({
      success: true,
      data: workers.filter((worker) => !gone.includes(worker)).map(keyOf),
    });

    // More rows than one read returns, and more text than one piece of the answer.
    await fresh.database.query(
      `INSERT INTO worker (model_name, req_url_template, body, admin_state)
       SELECT 'many', 'http://127.0.0.1:9/' || repeat('é', 100) || n, '{"p": "{USER_PROMPT}"}', 'disabled' FROM generate_series(1, 1000) AS n`,
    );
    for (const query of ['', '?detail=true']) {
      const list = await fresh.get(`/api/server/workers${query}`);
      const urls = (list.json as { data: { req_url_template: string }[] }).data.map(
        ({ req_url_template: url }) => url.replace(/.*é/, ''),
      );
      expect(urls).toHaveLength(1_003);
      expect(new Set(urls).size).toBe(1_001);
      expect(urls.slice(0, 3)).toEqual(
        workers.filter((worker) => !gone.includes(worker)).map((worker) => worker.req_url_template),
      );
      expect(Number(list.headers.get('content-length'))).toBe(Buffer.byteLength(list.text));
    }
    // The snapshot has read them all, too.
    await until(async () => ((await fresh.get('/health')).json as Health).workers['disabled'] === 1_000);
  });

  it('shows all public fields of a worker with detail=true, and no secret', async () => {
    const upstream = await upstreamForTest();
    const worker = aWorker(upstream, {
      owner: 'team-a',
      labels: { zone: 'b' },
      weight: 7,
      header: { authorization: 'Bearer sk-very-secret' },
    });
    await service.register(worker);
    const [view = {}] = await viewsOf(service, worker.model_name);
    expect(Object.keys(view).toSorted()).toEqual(VIEW_KEYS.toSorted());
    expect(view).toMatchObject({
      ...keyOf(worker),
      name: '',
      owner: 'team-a',
      labels: { zone: 'b' },
      weight: 7,
      priority: 0,
      max_concurrency: 64,
      protocol: 'template',
      task: 'chat',
      admin_state: 'enabled',
      generation: 1,
      in_flight: 0,
      ejected_until: null,
    });
    expect((await service.get('/api/server/workers?detail=true')).text).not.toContain('sk-very-secret');
  });
});

describe('POST /api/server/offline', () => {
  it('confirms the removal; the worker gets no more requests, and its row stays', async () => {
    const worker = aWorker(await upstreamForTest());
    await service.register(worker);
    const offline = await service.post('/api/server/offline', keyOf(worker));
    const msg = `remove llm worker(model_name=${worker.model_name}, url=${worker.req_url_template}) succeed!`;
    expect([offline.status, offline.json]).toEqual([200, { success: true, msg }]);
    expect((await service.chat(worker.model_name, 'x')).status).toBe(404);
    const rows = await service.database.query('SELECT admin_state FROM worker WHERE model_name = $1', [
      worker.model_name,
    ]);
    expect(rows).toEqual([{ admin_state: 'offline' }]);
  });

  it('answers 404 for an unknown or offline worker, and requires both model and URL', async () => {
    const worker = aWorker(await upstreamForTest());
    const notFound = [404, { success: false, msg: 'No llm worker to remove.' }];
    const remove = async (what: object) => {
      const answer = await service.post('/api/server/offline', what);
      return [answer.status, answer.json];
    };
    expect(await remove(keyOf(worker))).toEqual(notFound);
    await service.register(worker);
    expect(await remove({ ...keyOf(worker), req_url_template: 'http://other.example/' })).toEqual(notFound);
    expect(await remove({ ...keyOf(worker), model_name: 'other' })).toEqual(notFound);
    await service.post('/api/server/offline', keyOf(worker));
    expect(await remove(keyOf(worker))).toEqual(notFound);
  });

  it('removes the worker of the given name, or all workers of the model and URL without a name', async () => {
    const worker = aWorker(await upstreamForTest());
    for (const name of ['a', 'b', 'c']) await service.register({ ...worker, name });
    const names = async () => (await viewsOf(service, worker.model_name)).map(({ name }) => name);
    await service.post('/api/server/offline', { ...keyOf(worker), name: 'b' });
    expect(await names()).toEqual(['a', 'c']);
    await service.post('/api/server/offline', keyOf(worker));
    expect(await names()).toEqual([]);
  });

  it('lets a running call finish', async () => {
    const upstream = await upstreamForTest(inTurn(slow(400, json({ answer: 'late' }))));
    const worker = aWorker(upstream);
    await service.register(worker);
    const running = service.chat(worker.model_name, 'x');
    await until(() => upstream.calls === 1);
    await service.post('/api/server/offline', keyOf(worker));
    expect((await running).json).toMatchObject({ success: true, result: 'late' });
  });
});
