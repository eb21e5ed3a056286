import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { databaseForTest, type TestDatabase } from '../database.js';
import { until } from '../until.js';
import {
  anUpstream,
  aRoadTo,
  aSession,
  countNotifications,
  insertWorker,
  rowOf,
  startChecker,
  untilHealthIs,
  waiting,
} from './checker.js';

describe('the health checker', () => {
  it('marks a killed worker unhealthy with a reason, and healthy again after it is back', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const id = await insertWorker(database, `${upstream.url}/api/generate`);
    const { live, lines } = await startChecker(database);

    await untilHealthIs(database, id, 'healthy');
    expect((await rowOf(database, id)).health_reason).toMatch(/^GET \/health answered 200 in \d+ ms$/);

    await upstream.kill();
    await untilHealthIs(database, id, 'unhealthy');
    expect((await rowOf(database, id)).health_reason).toBe(
      `3 probes in a row failed: connection refused by 127.0.0.1:${upstream.port}`,
    );
    await until(() => live.worker(id)?.health === 'unhealthy');

    await upstream.revive();
    await untilHealthIs(database, id, 'healthy');
    await until(() => live.worker(id)?.health === 'healthy');

    const events = await database.query('SELECT kind, actor, note AS detail FROM event ORDER BY id OFFSET 1');
    expect(events).toEqual([
      { kind: 'healthy', actor: 'health', detail: expect.stringContaining('answered 200') },
      { kind: 'unhealthy', actor: 'health', detail: expect.stringContaining('connection refused') },
      { kind: 'warming', actor: 'health', detail: expect.stringMatching(/^warming up: .* answered 200/) },
      { kind: 'recovered', actor: 'health', detail: expect.stringContaining('answered 200') },
    ]);
    // The announcement of a change may arrive before its line is logged.
    const levels = () => lines.filter((line) => line.includes(id)).map((line) => line.split(' ')[0]);
    await until(() => levels().length >= 4);
    expect(levels()).toEqual(['log', 'warn', 'log', 'log']);
  });

  it('probes a new worker at once, including one inserted by hand', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    await startChecker(database, { intervalMs: 3_600_000 });
    const id = await insertWorker(database, `${upstream.url}/api`);
    await untilHealthIs(database, id, 'healthy');
    expect(upstream.probes).toBe(1);
  });

  it('probes only workers that are enabled or draining', async () => {
    const database = await databaseForTest();
    const upstreams = await Promise.all([1, 2, 3, 4].map(() => anUpstream()));
    const states = ['enabled', 'draining', 'disabled', 'offline'];
    for (const [index, upstream] of upstreams.entries()) {
      const id = await insertWorker(database, `${upstream.url}/api`);
      await database.query('UPDATE worker SET admin_state = $2 WHERE id = $1', [id, states[index]]);
    }
    await startChecker(database);
    const [enabled, draining] = upstreams;
    // The draining one has no request, so it goes offline soon.
    await until(() => (enabled?.probes ?? 0) >= 3 && (draining?.probes ?? 0) >= 1);
    expect(upstreams.slice(2).map((upstream) => upstream.probes)).toEqual([0, 0]);
  });

  it('marks a worker with an invalid definition unhealthy without probing it, until it is corrected', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const frozen = await insertWorker(database, `${upstream.url}/api`, null, {
      body: { input: 'who are you?\u0000' },
    });
    const odd = await insertWorker(database, `${upstream.url}/api/2`, { path: '//', timeout_ms: 'soon' });
    await startChecker(database);
    await untilHealthIs(database, frozen, 'unhealthy');
    await untilHealthIs(database, odd, 'unhealthy');
    expect((await rowOf(database, frozen)).health_reason).toMatch(/invalid definition.*USER_PROMPT/);
    expect((await rowOf(database, odd)).health_reason).toMatch(/invalid definition.*timeout_ms/);
    expect(upstream.probes).toBe(0);

    await database.query(`UPDATE worker SET body = '{"input":"{USER_PROMPT}"}' WHERE id = $1`, [frozen]);
    await database.query(`UPDATE worker SET health_check = NULL WHERE id = $1`, [odd]);
    await untilHealthIs(database, frozen, 'healthy');
    await untilHealthIs(database, odd, 'healthy');
  });

  it('handles the checks tcp and none, an upstream that hangs and one that sends garbage', async () => {
    const database = await databaseForTest();
    const [silent, garbled] = await Promise.all([anUpstream('hangs'), anUpstream('sends_garbage')]);
    const tcp = await insertWorker(database, `${silent.url}/tcp`, { kind: 'tcp' });
    const none = await insertWorker(database, 'http://nowhere.invalid/none', { kind: 'none' });
    const hangs = await insertWorker(database, `${silent.url}/hangs`, {
      path: '/slow?k=v',
      timeout_ms: 500,
      failures_down: 2,
    });
    // For another model, or the ejection limit would require a confirmation of one of the two.
    const check = { path: '/odd', failures_down: 2 };
    const garbage = await insertWorker(database, `${garbled.url}/x`, check, { model: 'n' });
    await startChecker(database);

    await untilHealthIs(database, tcp, 'healthy');
    await untilHealthIs(database, none, 'healthy');
    await untilHealthIs(database, hangs, 'unhealthy');
    await untilHealthIs(database, garbage, 'unhealthy');
    const reasons = await Promise.all(
      [tcp, none, hangs, garbage].map(async (id) => (await rowOf(database, id)).health_reason),
    );
    expect(reasons).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:\d+ accepted a connection in \d+ ms$/),
      'not probed: its health_check has kind none',
      `2 probes in a row failed: 127.0.0.1:${silent.port} did not complete GET /slow within 500 ms`,
      expect.stringMatching(/^2 probes in a row failed: 127\.0\.0\.1:\d+ sent an answer that is not HTTP/),
    ]);
  });

  it('notifies of changes of health, never of probes', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const id = await insertWorker(database, `${upstream.url}/api`);
    const notified = await countNotifications(database);
    await startChecker(database);
    await until(() => upstream.probes >= 5);
    await upstream.kill();
    await untilHealthIs(database, id, 'unhealthy');
    await until(async () => (await rowOf(database, id)).failures_in_row >= 6);
    await upstream.revive();
    await untilHealthIs(database, id, 'healthy');
    const probes = upstream.probes;
    await until(() => upstream.probes >= probes + 5);
    // unknown → healthy → unhealthy → warming → healthy
    await until(() => notified() >= 4);
    expect(notified()).toBe(4);
  });

  it('does not let a slow probe delay others', async () => {
    const database = await databaseForTest();
    const [silent, quick] = await Promise.all([anUpstream('hangs'), anUpstream()]);
    await insertWorker(database, `${silent.url}/a`, { path: '/slow', timeout_ms: 14_000 });
    await startChecker(database, { concurrency: 2, leaseMs: 60_000 });
    await until(() => silent.calls === 1);
    await insertWorker(database, `${quick.url}/b`);
    await until(() => quick.probes >= 5);
    expect(silent.calls).toBe(1);
  });

  it('never runs twice at once, however slow the database is', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    await insertWorker(database, `${upstream.url}/api`);
    await startChecker(database);
    await until(() => upstream.probes >= 1);
    const release = await lockProbes(database);
    await until(async () => (await waiting(database, 'WITH due%')) === 1);
    for (let look = 0; look < 10; look++) {
      await sleep(50);
      expect(await waiting(database, 'WITH due%')).toBe(1);
    }
    await release();
    const before = upstream.probes;
    await until(() => upstream.probes >= before + 2);
  });

  it('survives the loss of its database, logs it once, and continues when it is back', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const id = await insertWorker(database, `${upstream.url}/api`);
    const road = await aRoadTo(database.address);
    const { lines } = await startChecker(database, {}, road.address);
    await untilHealthIs(database, id, 'healthy');

    await road.proxy.cut();
    await until(() => lines.includes('warn probing from memory until the database is back'));
    await sleep(500);
    expect(lines.filter((line) => line.includes('probing'))).toHaveLength(1);

    await road.proxy.open();
    await until(() => lines.includes('log the database is back: probing by leases again'));
    const before = upstream.probes;
    await until(() => upstream.probes >= before + 2);
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([]);
  });

  it('survives an error of the database and logs it once', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    await insertWorker(database, `${upstream.url}/api`);
    const { lines } = await startChecker(database, { leaseMs: 1_000 });
    await until(() => upstream.probes >= 1);
    await database.query('ALTER TABLE worker_probe RENAME TO worker_probe_hidden');
    await until(() => lines.some((line) => line.startsWith('error')));
    await sleep(300);
    await database.query('ALTER TABLE worker_probe_hidden RENAME TO worker_probe');
    const before = upstream.probes;
    await until(() => upstream.probes >= before + 2);
    expect(lines.filter((line) => line.startsWith('error'))).toHaveLength(1);
  });

  it('releases its leases when it stops, and does not wait for hanging probes', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream('hangs');
    const warnings: Error[] = [];
    const keep = (warning: Error) => warnings.push(warning);
    process.on('warning', keep);
    onTestFinished(() => void process.off('warning', keep));
    for (let n = 0; n < 16; n++) {
      await insertWorker(database, `${upstream.url}/${n}`, { path: `/slow/${n}`, timeout_ms: 14_000 });
    }
    const checker = await startChecker(database, { leaseMs: 60_000 });
    await until(() => upstream.calls === 16);
    const leased = () => database.query('SELECT FROM worker_probe WHERE lease_owner IS NOT NULL');
    expect(await leased()).toHaveLength(16);
    await checker.stop();
    expect(await leased()).toEqual([]);
    // A stop that waited for the probes would have recorded their timeouts.
    expect(await database.query('SELECT FROM worker_probe WHERE last_probe_at IS NOT NULL')).toEqual([]);
    expect(warnings).toEqual([]);
  });
});

/** Locks the table of probes against reads and writes, like a careless ALTER TABLE. */
async function lockProbes(database: TestDatabase): Promise<() => Promise<void>> {
  const client = await aSession(database);
  await client.query('BEGIN; LOCK TABLE worker_probe IN ACCESS EXCLUSIVE MODE');
  return async () => {
    await client.query('ROLLBACK');
  };
}
