import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { databaseForTest } from '../database.js';
import { until } from '../until.js';
import { anUpstream, countByHealth, countNotifications, insertWorker, startChecker } from './checker.js';
import { probedUpstreamForTest } from '../fakes/probed-upstream.js';

/** Few enough that a machine with a tenth of two cores can probe them in time. */
const WORKERS = 40;
const REPLICAS = 4;

describe('40 workers, 4 replicas', () => {
  it('cause at most 1.2 probes per worker and interval, and one NOTIFY per transition', async () => {
    const intervalMs = 3_000;
    const database = await databaseForTest();
    const server = await probedUpstreamForTest();
    const notified = await countNotifications(database);
    // Each worker has its own probe path, so that no probe is shared.
    await Promise.all(
      Array.from({ length: WORKERS }, (_, n) =>
        insertWorker(database, `${server.url}/${n}`, { path: `/health/${n}` }, { model: `m${n % 10}` }),
      ),
    );
    const own = { intervalMs, downIntervalMs: intervalMs, tickMs: 200, timeoutMs: 10_000, leaseMs: 30_000 };
    await Promise.all(Array.from({ length: REPLICAS }, () => startChecker(database, own)));
    await until(async () => (await countByHealth(database))['healthy'] === WORKERS, 90_000);

    const before = server.probed;
    const startedMs = performance.now();
    await sleep(3 * intervalMs);
    const intervals = (performance.now() - startedMs) / intervalMs;
    expect((server.probed - before) / (WORKERS * intervals)).toBeLessThanOrEqual(1.2);
    expect((server.probed - before) / (WORKERS * intervals)).toBeGreaterThan(0.3);

    server.health = 503;
    await until(async () => (await countByHealth(database))['unhealthy'] === WORKERS, 60_000);
    // An insertion is a transition as well.
    const transitions = async () => (await database.query('SELECT FROM event')).length;
    await until(async () => notified() === (await transitions()));
    expect(await transitions()).toBeGreaterThanOrEqual(3 * WORKERS);
  });
});

describe('clocks five minutes apart', () => {
  it('cause no worker to flap, warm up forever or expire', async () => {
    const honest = Date.now;
    onTestFinished(() => void (Date.now = honest));
    let readings = 0;
    // Any difference of two readings is wrong by ten minutes.
    Date.now = () => honest() + (readings++ % 2 === 0 ? 300_000 : -300_000);
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const id = await insertWorker(database, `${upstream.url}/x`, null, { ttlS: 60 });
    await Promise.all([startChecker(database), startChecker(database)]);
    const probed = async (times: number) => {
      const probes = upstream.probes;
      while (upstream.probes < probes + times) await sleep(20);
    };
    await probed(10);
    await upstream.kill();
    while ((await countByHealth(database))['unhealthy'] !== 1) await sleep(20);
    await upstream.revive();
    while ((await countByHealth(database))['healthy'] !== 1) await sleep(20);
    await probed(10);
    const events = await database.query<{ kind: string }>(
      `SELECT kind FROM event WHERE subject_id = $1 ORDER BY id OFFSET 1`,
      [id],
    );
    expect(events.map(({ kind }) => kind)).toEqual(['healthy', 'unhealthy', 'warming', 'recovered']);
  });
});
