import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type FakeUpstream, json, slow } from '../fakes/fake-upstream.js';
import { faults } from '../fakes/upstream-faults.js';
import { aWorker, keyOf, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { PATIENT_MS, until, untilAll } from '../until.js';
import { Clients } from './clients.js';
import { Cluster, QUICK, RETRIED } from './cluster.js';
import type { Replica } from './replica.js';

const fine = json({ answer: 'fine' });
/** Long enough to see what ends it early, short enough to wait for its end. */
const EJECTION_MS = 5_000;
const BEAT_S = 1;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start([{}, {}, {}], {
    ...QUICK,
    tuning: { ...QUICK.tuning, stats: { ejectionBaseMs: EJECTION_MS, ejectionMaxMs: EJECTION_MS } },
  });
  await untilAll(cluster.replicas, 15_000, async (replica) => (await replica.metric('mmm_replicas')) === 3);
});
afterAll(() => cluster.close());

interface Equals {
  readonly model: string;
  readonly upstreams: readonly FakeUpstream[];
}

/** Equal workers of one model that every replica knows to be healthy. */
async function equalWorkers(count: number, answer: Answer): Promise<Equals> {
  const upstreams = await Promise.all(Array.from({ length: count }, () => upstreamForTest(answer)));
  const [first, ...others] = upstreams;
  if (first === undefined) throw new RangeError('at least one');
  const worker = aWorker(first, { max_concurrency: 3_000 });
  expect((await cluster.replica(0).register(worker)).status).toBe(200);
  for (const { url } of others) {
    const more = { ...worker, req_url_template: `${url}/generate` };
    expect((await cluster.replica(0).register(more)).status).toBe(200);
  }
  await untilAll(cluster.replicas, 2_000, async (replica) => {
    const views = await viewsOf(replica, worker.model_name);
    return views.length === count && views.every(({ health }) => health === 'healthy');
  });
  return { model: worker.model_name, upstreams };
}

const replicaOf = (requestId: string): string => requestId.replace(/-.*/, '');

/** The number of requests at each upstream from the clients of each replica. */
function picksOf({ upstreams }: Equals): readonly (readonly number[])[] {
  return cluster.replicas.map((_, at) =>
    upstreams.map(
      ({ requests }) =>
        requests.filter(({ headers }) => replicaOf(String(headers['x-request-id'])) === String(at)).length,
    ),
  );
}

const spread = (counts: readonly number[]): number => Math.max(...counts) - Math.min(...counts);

/** A chat whose id contains the replica that received it. */
function chatAs(at: number, call: number, model: string): Promise<number> {
  return fetch(`${cluster.replica(at).url}/api/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': `${at}-${call}` },
    body: JSON.stringify({ model_name: model, input: 'hi' }),
  }).then(async (response) => {
    await response.text();
    return response.status;
  });
}

describe('1,000 requests at once', RETRIED, () => {
  it('differ by at most one between equal workers on every replica', async () => {
    const waiting: (() => void)[] = [];
    const equals = await equalWorkers(7, (response, request) => {
      waiting.push(() => fine(response, request));
    });

    const answers = Array.from({ length: 1_000 }, (_, call) => chatAs(call % 3, call, equals.model));
    await until(() => waiting.length === 1_000, 3 * PATIENT_MS);
    const picks = picksOf(equals);
    for (const answer of waiting) answer();

    expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
    expect(picks.flat().reduce((sum, count) => sum + count)).toBe(1_000);
    for (const counts of picks) expect(spread(counts)).toBeLessThanOrEqual(1);
  });
});

describe('light traffic', RETRIED, () => {
  it('is spread evenly over equal workers, though requests come one at a time', async () => {
    const equals = await equalWorkers(4, fine);
    for (let call = 0; call < 200; call++)
      for (const at of [0, 1, 2]) expect(await chatAs(at, call, equals.model)).toBe(200);

    // Six standard deviations of 600 fair picks among four: 64. Picks by measured latency differ a little more.
    const totals = equals.upstreams.map(({ calls }) => calls);
    for (const total of totals) expect(Math.abs(total - 150)).toBeLessThan(75);
    for (const counts of picksOf(equals)) for (const count of counts) expect(count).toBeGreaterThan(10);
  });
});

describe('a replica', RETRIED, () => {
  it('has nothing in flight after requests that end in every way', async () => {
    const endings: readonly (readonly [string, Answer, readonly (number | 'gone')[]])[] = [
      ['success', fine, [200]],
      ['an error of the upstream', json({ error: 'no' }, 500), [502, 503]],
      ['aborted by its client', faults.hangs, ['gone']],
      ['timeout', faults.hangs, [504]],
      ['timeout half-way', faults.hangs_after_headers, [504]],
      ['cut connection', faults.resets, [502, 503]],
      ['cut half-way', faults.closes_half_way, [502, 503]],
      ['nothing to extract', json({ other: 1 }), [502, 503]],
      ['no JSON', faults.sends_garbage, [502, 503]],
    ];
    for (const [model, answer] of endings) {
      const worker = aWorker(await upstreamForTest(answer), {
        model_name: model,
        timeouts: { total_ms: model.startsWith('timeout') ? 300 : 60_000 },
        health_check: { kind: 'none' },
      });
      expect((await cluster.replica(0).register(worker)).status).toBe(200);
    }
    for (const [model, , expected] of endings)
      await Promise.all(
        cluster.replicas.map(async (replica) => {
          const signal = expected.includes('gone') ? 300 : PATIENT_MS;
          for (let times = 0; times < 3; times++)
            expect(expected).toContain(await ending(replica, model, signal));
        }),
      );
    await untilAll(cluster.replicas, 1_000, async (replica) => (await inFlight(replica)) === 0);
    for (const replica of cluster.replicas) {
      const metrics = String((await replica.get('/metrics')).json);
      const gauges = [...metrics.matchAll(/^mmm_requests_in_flight\{.*\} (\S+)$/gm)];
      expect(gauges.length).toBeGreaterThanOrEqual(endings.length);
      expect(gauges.filter(([, value]) => value !== '0')).toEqual([]);
    }
  });
});

async function ending(replica: Replica, model: string, patienceMs: number): Promise<number | 'gone'> {
  try {
    const answer = await fetch(`${replica.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model_name: model, input: 'hi' }),
      signal: AbortSignal.timeout(patienceMs),
    });
    await answer.text();
    return answer.status;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') return 'gone';
    throw error;
  }
}

async function inFlight(replica: Replica): Promise<number> {
  const { json: list } = await replica.get('/api/server/workers?detail=true');
  return (list as { data: { in_flight: number }[] }).data.reduce((sum, { in_flight }) => sum + in_flight, 0);
}

/** A worker that every replica has ejected because it refused connections; it accepts them again. */
async function ejectedEverywhere(): Promise<{ readonly model: string; readonly upstream: FakeUpstream }> {
  const upstream = await upstreamForTest(fine);
  const worker = aWorker(upstream, { health_check: { kind: 'none' } });
  expect((await cluster.replica(0).register(worker)).status).toBe(200);
  await upstream.kill();
  await untilAll(cluster.replicas, 5_000, async (replica) => {
    await replica.chat(worker.model_name);
    return (await ejectedUntilMs(replica, worker.model_name)) !== null;
  });
  await upstream.revive();
  return { model: worker.model_name, upstream };
}

async function ejectedUntilMs(replica: Replica, model: string): Promise<number | null> {
  const [view] = await viewsOf(replica, model);
  const shown = view?.['ejected_until'];
  return typeof shown === 'string' ? Date.parse(shown) : null;
}

describe('an ejected worker', RETRIED, () => {
  it('is tried with one request at a time by each replica, however many clients call', async () => {
    const { model, upstream } = await ejectedEverywhere();
    let running = 0;
    let most = 0;
    upstream.behave((response, request) => {
      running += 1;
      most = Math.max(most, running);
      response.once('close', () => (running -= 1));
      slow(1_500, json({ error: 'no' }, 500))(response, request);
    });

    const clients = Clients.of(cluster.replicas, model, 20);
    await until(() => running === 3, PATIENT_MS);
    await sleep(500);
    await clients.stop();

    expect(most).toBe(3);
  });
});

describe('an offline worker', RETRIED, () => {
  const beat = (replica: Replica, worker: ReturnType<typeof aWorker>) =>
    replica.post('/api/server/heartbeat', keyOf(worker));

  const stateOf = async (model: string): Promise<string | undefined> => {
    const rows = await cluster.database.query<{ admin_state: string }>(
      'SELECT admin_state FROM worker WHERE model_name = $1',
      [model],
    );
    return rows[0]?.admin_state;
  };

  it('stays offline after a late heartbeat, whichever replica receives it', async () => {
    const worker = aWorker(await upstreamForTest(fine), { heartbeat_ttl_s: 30 });
    expect((await cluster.replica(0).register(worker)).status).toBe(200);
    for (const replica of cluster.replicas) expect((await beat(replica, worker)).status).toBe(200);
    // Some arrive while the worker is taken offline, and some afterwards.
    const [offline, ...during] = await Promise.all([
      cluster.replica(0).post('/api/server/offline', keyOf(worker)),
      ...cluster.replicas.flatMap((replica) => [beat(replica, worker), beat(replica, worker)]),
    ]);
    expect(offline.status).toBe(200);
    for (const { status } of during) expect([200, 409]).toContain(status);
    for (const replica of cluster.replicas) expect((await beat(replica, worker)).status).toBe(409);
    expect(await stateOf(worker.model_name)).toBe('offline');
    await untilAll(
      cluster.replicas,
      1_000,
      async (replica) => (await replica.chat(worker.model_name)) === 404,
    );
  });

  it('is offline because its heartbeats stopped; a worker whose heartbeats reach any replica stays enabled', async () => {
    const upstream = await upstreamForTest(fine);
    const [kept, ceased] = [1, 2].map(() => aWorker(upstream, { heartbeat_ttl_s: BEAT_S }));
    if (kept === undefined || ceased === undefined) throw new Error('two');
    for (const worker of [kept, ceased]) expect((await cluster.replica(0).register(worker)).status).toBe(200);
    // Probes fail, so that only heartbeats keep it from expiring.
    await upstream.kill();
    for (let turn = 0; (await stateOf(ceased.model_name)) !== 'offline'; turn++) {
      expect(turn).toBeLessThan(60);
      expect((await beat(cluster.replica(turn % 3), kept)).status).toBe(200);
      await sleep(250);
    }
    expect(await stateOf(kept.model_name)).toBe('enabled');
    expect((await beat(cluster.replica(1), ceased)).status).toBe(409);
  });
});

describe('enable on one replica', RETRIED, () => {
  it('clears the ejection of the worker on every replica', async () => {
    const { model, upstream } = await ejectedEverywhere();
    const untils = await Promise.all(cluster.replicas.map((replica) => ejectedUntilMs(replica, model)));
    const [view] = await viewsOf(cluster.replica(0), model);
    const enabled = await cluster.replica(1).post(`/api/v1/workers/${view?.id}/enable`, {});
    expect(enabled.status).toBe(200);

    await untilAll(
      cluster.replicas,
      1_000,
      async (replica) => (await ejectedUntilMs(replica, model)) === null,
    );
    // The ejection has not ended by itself.
    expect(Date.now()).toBeLessThan(Math.min(...untils.map(Number)));
    upstream.behave(fine);
    for (const replica of cluster.replicas) expect(await replica.chat(model)).toBe(200);
  });
});
