import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sleeper } from '../fakes/sleeper.js';
import { until, untilAll } from '../until.js';
import { Cluster, QUICK } from './cluster.js';
import { type BeginScene, type Scene, SCENES } from './scheduling/scenes.js';
import { Traffic } from './scheduling/traffic.js';

/** Longer than the database may be silent before its last parts hold (2 s). */
const AWAY_MS = 4_000;
const SILENT = 1;
const KILLED = 2;

let cluster: Cluster;
let traffic: Traffic;
let sleeper: Sleeper;
/** Once it has begun. */
const scenes = new Map<BeginScene, Scene>();
const EACH = SCENES.map(({ does, begin }) => [does, begin] as const);
beforeAll(async () => {
  // Nothing leaves a queue because the machine is slow.
  cluster = await Cluster.start([{}, {}, {}], {
    ...QUICK,
    BALANCING_QUEUE_WAIT_MS: '600000',
    SCHEDULING_HOLD_S: '600',
    tuning: { ...QUICK.tuning, stats: { connectErrorsInARow: 1_000 } },
  });
  await untilAll(cluster.replicas, 30_000, async (replica) => (await replica.metric('mmm_replicas')) === 3);
  traffic = new Traffic(cluster.replicas);
  sleeper = await Sleeper.open();
  await sleeper.register(cluster.replica(0));
  for (const { begin } of SCENES) scenes.set(begin, await begin({ cluster, traffic }));
});
afterAll(async () => {
  await traffic?.end();
  await cluster?.close();
  await sleeper?.close();
  await Promise.all(
    [...scenes.values()].flatMap(({ engines }) => engines).map(({ upstream }) => upstream.close()),
  );
});

/** The worker sleeps, this replica wakes it, and gets no answer yet; requests wait at all replicas. @returns their statuses, its first */
async function wakingAt(waker: number): Promise<readonly Promise<number>[]> {
  await sleeper.fallAsleep();
  sleeper.status = null;
  const calls = sleeper.wakeCalls;
  const call = (replica: number) =>
    cluster
      .replica(replica)
      .chat('sleepy')
      .catch(() => 0);
  const first = call(waker);
  await until(() => sleeper.wakeCalls > calls);
  const others = [0, 1, 2].filter((replica) => replica !== waker);
  const held = others.map((replica) => call(replica));
  await untilAll(
    cluster.replicas,
    30_000,
    async (replica) => (await replica.metric('mmm_callers_held')) === 1,
  );
  return [first, ...held];
}

/** Of a database that fails, connections break; from one that is cut off, nothing comes. */
async function cutAll(): Promise<void> {
  for (const [at, { queries, listening }] of cluster.replicas.entries())
    for (const way of [queries, listening]) {
      if (at === SILENT) way.silenceForGood();
      else await way.cut();
    }
}
/** As after a minute: all leases are over, and no replica seems to live. */
const grownOld = () =>
  cluster.database.query(
    `WITH replicas AS (UPDATE replica SET seen_at = seen_at - interval '1 minute'),
       demand AS (UPDATE replica_demand SET seen_at = seen_at - interval '1 minute')
     UPDATE worker_power SET lease_until = lease_until - interval '1 minute'`,
  );
const openAll = () =>
  Promise.all(cluster.replicas.flatMap(({ queries, listening }) => [queries.open(), listening.open()]));

describe('three replicas under load', () => {
  let waking: readonly Promise<number>[] = [];

  it.concurrent.each(EACH)('%s', (_, scene) => expect(scenes.get(scene)?.holds()).resolves.toBe(true));

  it.concurrent('wake a worker once for requests at all of them', async () => {
    const statuses = await Promise.all(cluster.replicas.map((replica) => replica.chat('sleepy')));
    expect(statuses).toEqual([200, 200, 200]);
    expect(sleeper.wakeCalls).toBe(1);
  });

  describe('whose database is away', () => {
    beforeAll(async () => {
      waking = await wakingAt(0);
      await cutAll();
      await sleep(AWAY_MS);
      sleeper.answerNow();
    });

    it.concurrent.each(EACH)('%s: requests are answered', (_, scene) =>
      expect(scenes.get(scene)?.goesOn()).resolves.toBe(true),
    );

    it.concurrent('serve the requests at the replica that wakes a worker', async () => {
      expect(await waking[0]).toBe(200);
    });
  });

  describe('whose database is back', () => {
    beforeAll(async () => {
      await grownOld();
      await openAll();
    });

    it.concurrent.each(EACH)('%s', (_, scene) => expect(scenes.get(scene)?.holds()).resolves.toBe(true));

    it.concurrent('serve the requests that waited for the worker elsewhere', async () => {
      expect(await Promise.all(waking)).toEqual([200, 200, 200]);
    });
  });

  describe('of which one is killed', () => {
    let calls: number;
    beforeAll(async () => {
      await until(async () => {
        const [row] = await cluster.database.query<{ state: string }>('SELECT state FROM worker_power');
        return row?.state === 'awake';
      });
      calls = sleeper.wakeCalls;
      waking = await wakingAt(KILLED);
      await traffic.kill(KILLED);
      sleeper.status = 200;
    });

    it.concurrent.each(EACH)('%s', (_, scene) => expect(scenes.get(scene)?.holds()).resolves.toBe(true));

    it.concurrent('have another one wake the worker, and serve all requests that are left', async () => {
      expect(await Promise.all(waking)).toEqual([0, 200, 200]);
      expect(sleeper.wakeCalls).toBe(calls + 2);
    });
  });

  it('end every call, refuse none but of the team whose queue is full, and never run more than there are slots', async () => {
    for (const { engines } of scenes.values()) for (const engine of engines) engine.hurry();
    await traffic.end();
    traffic.ends.delete('first');
    expect(traffic.faults).toEqual([]);
    const ends = Object.fromEntries(
      [...traffic.ends].map(([kind, counts]) => [kind, [...counts.keys()].toSorted()]),
    );
    expect(ends).toEqual({
      crowd: ['200', '503'],
      calm: ['200'],
      bulk: ['200'],
      interactive: ['200'],
      turn: ['200'],
    });
    for (const { engines, slots } of scenes.values())
      for (const { mostAtOnce } of engines) expect(mostAtOnce).toBeLessThanOrEqual(slots);
  });
});
