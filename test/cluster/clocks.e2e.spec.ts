import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json, slow } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { Cluster, QUICK, RETRIED } from './cluster.js';
import { Clients } from './clients.js';
import { untilAll } from '../until.js';
import { shiftedClock } from './shifted-clock.js';

const FIVE_MINUTES_MS = 300_000;
const INTERVAL_MS = 500;
const WATCHED_MS = 6_000;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start(
    [
      { nodeOptions: shiftedClock(FIVE_MINUTES_MS) },
      { nodeOptions: shiftedClock(-FIVE_MINUTES_MS) },
      { nodeOptions: [] },
    ],
    { ...QUICK, HEALTH_INTERVAL_MS: String(INTERVAL_MS) },
  );
});
afterAll(() => cluster.close());

describe('replicas whose clocks differ by five minutes in either direction', RETRIED, () => {
  it('agree: no health state flaps, no lease or heartbeat expires early, and every worker has one prober', async () => {
    const clocks = await Promise.all(cluster.replicas.map(async (replica) => loggedAtMs(replica.log)));
    expect(Math.max(...clocks) - Math.min(...clocks)).toBeGreaterThan(FIVE_MINUTES_MS);

    const upstream = await upstreamForTest(slow(10, json({ answer: 'fine' })));
    const worker = aWorker(upstream);
    expect((await cluster.replica(0).register(worker)).status).toBe(200);
    await untilAll(
      cluster.replicas,
      1_000,
      async (replica) => (await replica.chat(worker.model_name)) === 200,
    );
    await untilAll(['healthy'], 1_000, async (health) => (await healthOf(worker.model_name)) === health);
    const probesBefore = upstream.probes;
    const clients = Clients.of(cluster.replicas, worker.model_name, 1);
    await sleep(WATCHED_MS);
    const probes = upstream.probes - probesBefore;
    for (const tally of await clients.stop()) expect(Object.keys(tally)).toEqual(['200']);

    expect(probes).toBeGreaterThan(3);
    // The probes of one prober at the shortest interval that its jitter allows.
    expect(probes).toBeLessThanOrEqual(WATCHED_MS / (INTERVAL_MS * 0.8) + 1);
    const events = await cluster.database.query<{ kind: string }>('SELECT kind FROM event ORDER BY id');
    expect(events.map(({ kind }) => kind)).toEqual(['registered', 'healthy']);
  });
});

async function healthOf(model: string): Promise<string | undefined> {
  const rows = await cluster.database.query<{ health: string }>(
    'SELECT health FROM worker WHERE model_name = $1',
    [model],
  );
  return rows[0]?.health;
}

/** The time of the first line in the log. */
function loggedAtMs(log: readonly Readonly<Record<string, unknown>>[]): number {
  return Date.parse(String(log[0]?.['time']));
}
