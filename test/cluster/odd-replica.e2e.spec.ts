import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { TEST_KEYS } from '../service.js';
import { until } from '../until.js';
import { Clients } from './clients.js';
import { Cluster, QUICK, RETRIED } from './cluster.js';
import { withoutNetwork } from './without-network.js';

const OTHER_KEY = `k2:${Buffer.alloc(32, 9).toString('base64')}`;
/** Several probes of each worker. */
const WATCHED_MS = 3_000;

interface Faulty {
  readonly model_name: string;
  readonly reason: string;
  readonly health: string;
}

let cluster: Cluster;
afterAll(() => cluster.close());

/** Two replicas with the settings of the tests, and one with others. */
beforeAll(async () => {
  const odd = { UPSTREAM_DENY_CIDRS: '127.0.0.0/8', CREDENTIALS_KEYS: OTHER_KEY, WORKER_SECRET_FOO: '' };
  const good = { WORKER_SECRET_FOO: 'a-secret' };
  cluster = await Cluster.start([{ environment: good }, { environment: good }, { environment: odd }], QUICK);
});

const healthOf = async (model: string) =>
  (
    await cluster.database.query<{ health: string }>('SELECT health FROM worker WHERE model_name = $1', [
      model,
    ])
  ).map(({ health }) => health);

const faultsOf = (model: string) =>
  cluster.database.query<Faulty>(
    `SELECT w.model_name, f.reason, w.health FROM replica_fault f JOIN worker w ON w.id = f.worker_id WHERE w.model_name = $1`,
    [model],
  );

/** Calls a model on the two good replicas while all three probe it. */
async function watched(model: string) {
  const clients = Clients.of(cluster.replicas.slice(0, 2), model, 1);
  await new Promise((resolve) => setTimeout(resolve, WATCHED_MS));
  return clients.stop();
}

describe('a replica with other settings than the rest', RETRIED, () => {
  it('takes no worker away from the others when its address rules forbid them all', async () => {
    const workers = [];
    for (let n = 0; n < 3; n += 1) {
      const upstream = await upstreamForTest(json({ answer: 'fine' }));
      workers.push({ ...aWorker(upstream), model_name: 'local' });
    }
    for (const worker of workers) expect((await cluster.replica(0).register(worker)).status).toBe(200);
    await until(async () => (await healthOf('local')).every((health) => health === 'healthy'));

    for (const tally of await watched('local')) expect(Object.keys(tally)).toEqual(['200']);
    expect(await healthOf('local')).toEqual(['healthy', 'healthy', 'healthy']);
  });

  it('says in its log, in replica_fault and to its clients what it cannot call', async () => {
    await until(async () => (await faultsOf('local')).length === 3);
    const [fault] = await faultsOf('local');
    expect(fault?.reason).toMatch(/127\.0\.0\.1/);
    const odd = cluster.replica(2);
    expect(JSON.stringify(odd.log)).toMatch(/this replica cannot call \d worker\(s\), such as local/);
    const { status, json: answer } = await odd.post('/api/v1/chat/completions', {
      model_name: 'local',
      input: 'hi',
    });
    expect([status, answer]).toEqual([503, expect.objectContaining({ success: false })]);
    expect(JSON.stringify(answer)).toContain('that this replica cannot call');
  });

  it('is named in the log of every replica, and counted in a metric', async () => {
    const good = cluster.replica(0);
    await until(async () => (await good.metric('mmm_replicas_with_other_settings')) === 1);
    expect(JSON.stringify(good.log)).toMatch(
      /settings that must be the same .* CREDENTIALS_KEYS and UPSTREAM_CIDRS/,
    );
    expect(await cluster.replica(2).metric('mmm_replicas_with_other_settings')).toBe(2);
  });

  it('takes no worker away when it lacks the key of its credentials, or one of its secrets', async () => {
    const upstream = await upstreamForTest(json({ answer: 'fine' }));
    const sealed = { ...aWorker(upstream), model_name: 'sealed', header: { authorization: 'Bearer x' } };
    const secret = {
      model_name: 'secret',
      protocol: 'openai',
      req_url_template: `${upstream.url}/v1`,
      header: { authorization: 'Bearer ${secret:FOO}' },
    };
    for (const worker of [sealed, secret])
      expect((await cluster.replica(0).register(worker)).status).toBe(200);
    await until(async () => (await healthOf('sealed'))[0] === 'healthy');
    for (const tally of await watched('sealed')) expect(Object.keys(tally)).toEqual(['200']);
    expect(await healthOf('sealed')).toEqual(['healthy']);
    expect(await healthOf('secret')).toEqual(['healthy']);
    await until(async () => (await faultsOf('sealed')).length === 1);
  });

  it('does not keep from a verdict when no live replica can call the worker', async () => {
    await cluster.database.query(
      `INSERT INTO worker (model_name, req_url_template, body) VALUES ('metadata', 'http://169.254.169.254/x', '{"p": "{USER_PROMPT}"}')`,
    );
    await until(async () => (await healthOf('metadata'))[0] === 'unhealthy');
    expect(await faultsOf('metadata')).toHaveLength(3);
  });

  it('can have the next key of a rotation: what it seals is called by those that have the key, and by the others later', async () => {
    const [before, next] = [TEST_KEYS, OTHER_KEY];
    const rotated = await Cluster.start(
      [before, `${next},${before}`].map((CREDENTIALS_KEYS) => ({ environment: { CREDENTIALS_KEYS } })),
    );
    try {
      const upstream = await upstreamForTest(json({ answer: 'fine' }));
      const worker = { ...aWorker(upstream), model_name: 'rotated', header: { authorization: 'Bearer x' } };
      expect((await rotated.replica(1).register(worker)).status).toBe(200);
      const [tally] = await (async () => {
        const clients = Clients.of(rotated.replicas.slice(1), 'rotated', 1);
        await new Promise((resolve) => setTimeout(resolve, WATCHED_MS));
        return clients.stop();
      })();
      expect(Object.keys(tally ?? {})).toEqual(['200']);
    } finally {
      await rotated.close();
    }
  });

  it('makes no call of the others fail when it reaches no worker at all', async () => {
    const reachesNone = { nodeOptions: withoutNetwork() };
    const pair = await Cluster.start([{ environment: {} }, reachesNone], QUICK);
    try {
      const [good, odd] = [pair.replica(0), pair.replica(1)];
      for (let n = 0; n < 4; n += 1) {
        const upstream = await upstreamForTest(json({ answer: 'fine' }));
        expect((await good.register({ ...aWorker(upstream), model_name: 'far' })).status).toBe(200);
      }
      await until(async () => (await good.chat('far')) === 200);
      const clients = Clients.of([good], 'far', 2);
      const statuses = new Set<number>();
      const endMs = performance.now() + 2 * WATCHED_MS;
      while (performance.now() < endMs) statuses.add(await odd.chat('far'));
      const [tally] = await clients.stop();
      expect(Object.keys(tally ?? {})).toEqual(['200']);
      expect([...statuses].filter((status) => status !== 502 && status !== 503)).toEqual([]);
      const rows = await pair.database.query<{ last_error: string }>(
        'SELECT DISTINCT last_error FROM worker_trouble',
      );
      expect(JSON.stringify(rows)).toContain('no route to 127.0.0.1');
      // Its probes are left to the other, so that no worker was out even for a moment.
      const out = await pair.database.query(`SELECT note FROM event WHERE kind = 'unhealthy'`);
      expect(out).toEqual([]);
      expect(await pair.database.query('SELECT FROM replica_fault')).toHaveLength(4);
    } finally {
      await pair.close();
    }
  });
});
