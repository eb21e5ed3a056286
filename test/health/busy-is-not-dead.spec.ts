import { describe, expect, it } from 'vitest';
import { databaseForTest, type TestDatabase } from '../database.js';
import { json } from '../fakes/fake-upstream.js';
import { until } from '../until.js';
import {
  anUpstream,
  countByHealth,
  insertWorker,
  rowOf,
  startChecker,
  untilHealthIs,
  healthEventsOf,
} from './checker.js';
import { probedUpstreamForTest } from '../fakes/probed-upstream.js';

const IMPATIENT = { timeoutMs: 80 };
/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const DEADLOCK = '40P01';

/** Records successful requests, as a replica does, which tries again after a deadlock, too. */
const serves = (database: TestDatabase) =>
  until(() =>
    database.query('UPDATE worker_probe SET last_served_at = now()').then(
      () => true,
      (error: { readonly code?: string }) => {
        if (error.code === DEADLOCK) return false;
        throw error;
      },
    ),
  );

/** Keeps requests succeeding until this many probes have failed in a row. */
const untilFailed = (database: TestDatabase, id: string, times: number) =>
  until(async () => {
    await serves(database);
    return (await rowOf(database, id)).failures_in_row >= times;
  });

describe('health checks burn money, or fail a busy worker:', () => {
  it('a worker that serves is at most suspect when its probes time out', async () => {
    const database = await databaseForTest();
    const server = await probedUpstreamForTest();
    server.health = 'hangs';
    const id = await insertWorker(database, `${server.url}/x`);
    await serves(database);
    await startChecker(database, { ...IMPATIENT, silenceMs: 0 });
    await untilFailed(database, id, 10);
    expect(await healthEventsOf(database, id)).toEqual(['suspect']);
  });

  it('a worker that serves is at most suspect when its /health answers 500', async () => {
    const database = await databaseForTest();
    const server = await probedUpstreamForTest();
    server.health = 500;
    const id = await insertWorker(database, `${server.url}/x`);
    await serves(database);
    await startChecker(database);
    await untilFailed(database, id, 10);
    expect(await healthEventsOf(database, id)).toEqual(['suspect']);
    expect((await rowOf(database, id)).health_reason).toMatch(
      /^serves requests, but its probes fail: GET \/health answered 500/,
    );
    server.health = 200;
    await untilHealthIs(database, id, 'healthy');
    expect(await healthEventsOf(database, id)).toEqual(['suspect', 'recovered']);
  });

  it('a worker that accepts connections but does not answer is suspect, and later unhealthy', async () => {
    const database = await databaseForTest();
    const server = await probedUpstreamForTest();
    const id = await insertWorker(database, `${server.url}/x`);
    await startChecker(database, { timeoutMs: 1_000, silenceMs: 5_000 });
    await untilHealthIs(database, id, 'healthy');
    server.health = 'hangs';
    await untilHealthIs(database, id, 'unhealthy');
    // On a slow machine a probe may time out before the server hangs, and the worker recovers.
    expect((await healthEventsOf(database, id)).slice(-2)).toEqual(['suspect', 'unhealthy']);
    const [silent] = await database.query<{ ms: number }>(
      `SELECT extract(epoch FROM w.health_since - p.last_good_at)::float8 * 1000 AS ms
       FROM worker w JOIN worker_probe p ON p.worker_id = w.id`,
    );
    expect(silent?.ms).toBeGreaterThanOrEqual(4_900);
  });

  it('a check from the registration decides, even while the worker serves', async () => {
    const database = await databaseForTest();
    const server = await probedUpstreamForTest();
    const id = await insertWorker(database, `${server.url}/x`, { path: '/health' });
    await startChecker(database);
    await untilHealthIs(database, id, 'healthy');
    server.health = 500;
    await until(async () => {
      await serves(database);
      return (await rowOf(database, id)).health === 'unhealthy';
    });
    expect(await healthEventsOf(database, id)).toEqual(['healthy', 'unhealthy']);
  });

  it('the default check calls no model; an inference check is opt-in and rare', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream(json({ answer: 'pong' }));
    await insertWorker(database, `${upstream.url}/x`);
    const inference = await insertWorker(database, `${upstream.url}/y`, {
      kind: 'inference',
      prompt: 'well?',
    });
    await database.query(`UPDATE worker SET response_extract = 'answer'`);
    await startChecker(database);
    await until(() => upstream.probes >= 8);
    await untilHealthIs(database, inference, 'healthy');
    expect(upstream.requests.map(({ url, body }) => [url, body])).toEqual([['/y', '{"input":"well?"}']]);
  });
});

describe('an inference probe', () => {
  it('marks a worker unhealthy whose answers cannot be read, although its /health is fine', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream(json({ answer: 'pong' }));
    const check = { kind: 'inference', interval_ms: 120 };
    const id = await insertWorker(database, `${upstream.url}/x`, check);
    await database.query(`UPDATE worker SET response_extract = 'answer'`);
    await startChecker(database);
    await untilHealthIs(database, id, 'healthy');
    upstream.behave(json({ error: 'CUDA out of memory' }));
    await untilHealthIs(database, id, 'unhealthy');
    expect((await rowOf(database, id)).health_reason).toMatch(
      /^3 probes in a row failed: an inference failed: /,
    );
  });
});

describe('everything is marked down at once by one bad check:', () => {
  /** Long enough for a busy machine, and short enough to see several intervals. */
  const INTERVAL_MS = 2_000;

  it('one replica marks three of ten unhealthy in an interval, and the others after later intervals confirm it', async () => {
    const database = await databaseForTest();
    const upstreams = await Promise.all(Array.from({ length: 10 }, () => anUpstream()));
    for (const upstream of upstreams) await insertWorker(database, `${upstream.url}/x`);
    await startChecker(database, { intervalMs: INTERVAL_MS, downIntervalMs: INTERVAL_MS });
    await until(async () => (await countByHealth(database))['healthy'] === 10);
    await Promise.all(upstreams.map((upstream) => upstream.kill()));
    await until(async () => (await countByHealth(database))['unhealthy'] === 10, 60_000);
    const down = await database.query<{ ms: number; detail: string }>(
      `SELECT extract(epoch FROM at - min(at) OVER ())::float8 * 1000 AS ms, note AS detail FROM event
       WHERE kind = 'unhealthy' ORDER BY at`,
    );
    expect(down).toHaveLength(10);
    for (const [index, { ms }] of down.entries()) {
      expect(ms).toBeGreaterThanOrEqual(Math.floor(index / 3) * INTERVAL_MS * 0.7);
    }
    const limited = await database.query<{ detail: string }>(
      `SELECT note AS detail FROM event WHERE kind = 'suspect'`,
    );
    expect(limited.length).toBeGreaterThanOrEqual(4);
    expect(limited[0]?.detail).toMatch(/^not confirmed, too many failed at once: 3 probes in a row failed/);
  });

  it('another replica confirms at once', async () => {
    const database = await databaseForTest();
    const upstreams = await Promise.all([1, 2].map(() => anUpstream()));
    for (const upstream of upstreams) await insertWorker(database, `${upstream.url}/x`);
    const slow = {
      ejectionLimitShare: 0.3,
      intervalMs: 3_600_000,
      downIntervalMs: 3_600_000,
      fastIntervalMs: 50,
    };
    await Promise.all(upstreams.map((upstream) => upstream.kill()));
    const first = await startChecker(database, slow);
    await until(async () => (await countByHealth(database))['unhealthy'] === 1);
    await until(async () => (await countByHealth(database))['suspect'] === 1);
    expect(await countByHealth(database)).toEqual({ suspect: 1, unhealthy: 1 });
    await first.stop();
    await startChecker(database, slow);
    await until(async () => (await countByHealth(database))['unhealthy'] === 2);
  });

  it('workers whose health route breaks in one rollout keep serving', async () => {
    const database = await databaseForTest();
    const servers = await Promise.all(Array.from({ length: 8 }, () => probedUpstreamForTest()));
    const ids = await Promise.all(servers.map(({ url }) => insertWorker(database, `${url}/x`)));
    await startChecker(database);
    await until(async () => (await countByHealth(database))['healthy'] === 8);
    // Workers that have never served would be unhealthy after three failures.
    await serves(database);
    for (const [index, server] of servers.entries()) server.health = index % 2 === 0 ? 500 : 404;
    await Promise.all(ids.filter((_, index) => index % 2 === 0).map((id) => untilFailed(database, id, 6)));
    expect(await countByHealth(database)).toEqual({ healthy: 4, suspect: 4 });
    expect(await database.query(`SELECT FROM event WHERE kind = 'unhealthy'`)).toEqual([]);
  });
});

describe('warming', () => {
  it('follows the recovery of an unhealthy worker and ends after its time, however long the interval is', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const id = await insertWorker(database, `${upstream.url}/x`);
    const seldom = { intervalMs: 3_600_000, downIntervalMs: 3_600_000, warmingMs: 1_000 };
    const { live } = await startChecker(database, seldom);
    await untilHealthIs(database, id, 'healthy');
    await upstream.kill();
    await database.query('UPDATE worker_probe SET next_probe_at = now()');
    await untilHealthIs(database, id, 'unhealthy');
    await upstream.revive();
    await database.query('UPDATE worker_probe SET next_probe_at = now()');
    await untilHealthIs(database, id, 'warming');
    const warmingSince = (await rowOf(database, id)).health_since;
    await until(() => live.worker(id)?.health === 'warming');
    await untilHealthIs(database, id, 'healthy');
    expect(await healthEventsOf(database, id)).toEqual(['healthy', 'unhealthy', 'warming', 'recovered']);
    const lastedMs = (await rowOf(database, id)).health_since.getTime() - warmingSince.getTime();
    expect(lastedMs).toBeGreaterThanOrEqual(1_000);
  });
});
