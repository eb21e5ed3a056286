import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { databaseForTest } from '../database.js';
import { until } from '../until.js';
import {
  anUpstream,
  aSession,
  foundWell,
  healthEventsOf,
  insertWorker,
  QUICK,
  rowOf,
  someLeases,
  startChecker,
  untilHealthIs,
  waiting,
} from './checker.js';

describe('several replicas on one database', () => {
  it('probe each worker about once per interval, and all take part', async () => {
    const database = await databaseForTest();
    const upstreams = await Promise.all([1, 2, 3, 4, 5, 6].map(() => anUpstream()));
    for (const upstream of upstreams) await insertWorker(database, `${upstream.url}/api`);
    const startedAt = Date.now();
    await Promise.all([startChecker(database), startChecker(database), startChecker(database)]);
    const owners = new Set<string>();
    await until(async () => {
      const leased = await database.query<{ lease_owner: string }>(
        'SELECT lease_owner FROM worker_probe WHERE lease_owner IS NOT NULL',
      );
      for (const row of leased) owners.add(row.lease_owner);
      return owners.size === 3 && upstreams.every((upstream) => upstream.probes >= 8);
    });
    const shortestMs = QUICK.intervalMs * (1 - QUICK.jitter);
    const most = (Date.now() - startedAt) / shortestMs + 1;
    for (const upstream of upstreams) expect(upstream.probes).toBeLessThanOrEqual(most);
  });

  it('probe an origin about once per interval, however many workers share it', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    for (let n = 0; n < 20; n++) await insertWorker(database, `${upstream.url}/api/${n}`);
    await Promise.all([startChecker(database), startChecker(database)]);
    await until(() => upstream.probes >= 4);
    const before = upstream.probes;
    const startedAt = Date.now();
    await until(() => upstream.probes >= before + 8);
    const intervals = (Date.now() - startedAt) / (QUICK.intervalMs * (1 - QUICK.jitter));
    // Separate probes of 20 workers would be 20 per interval.
    expect(upstream.probes - before).toBeLessThanOrEqual(2 * intervals + 2);
    // Workers that share a probe share its result.
    await until(async () => {
      const rows = await database.query(
        `SELECT FROM worker JOIN worker_probe ON worker_id = id
         WHERE health = 'healthy' AND last_probe_at > now() - interval '2 s'`,
      );
      return rows.length === 20;
    });
  });

  it('take over the worker of a killed replica when its lease ends, and not before', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    const id = await insertWorker(database, `${upstream.url}/api`);
    const killed = await someLeases(database, 1_500);
    expect(await killed.claimDue(10)).toHaveLength(1);
    await startChecker(database);
    await untilHealthIs(database, id, 'healthy');
    const [late] = await database.query<{ ms: number }>(
      `SELECT extract(epoch FROM p.last_probe_at - w.created_at)::float8 * 1000 AS ms FROM worker w JOIN worker_probe p ON p.worker_id = w.id`,
    );
    expect(late?.ms).toBeGreaterThanOrEqual(1_500);
  });

  it('never claim one worker twice', async () => {
    const database = await databaseForTest();
    for (let n = 0; n < 30; n++) await insertWorker(database, `http://127.0.0.1:9/${n}`);
    const replicas = await Promise.all([1, 2, 3, 4].map(() => someLeases(database, 60_000)));
    const claimed = await Promise.all(
      replicas.flatMap((leases) => [leases.claimDue(5), leases.claimDue(5), leases.claimDue(5)]),
    );
    const ids = claimed.flat().map((claim) => claim.workerId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(30);
  });
});

describe('a result', () => {
  it('is dropped if the definition changed in the meantime', async () => {
    const database = await databaseForTest();
    const id = await insertWorker(database, 'http://127.0.0.1:9/');
    const leases = await someLeases(database, 60_000);
    const [claim] = await leases.claimDue(1);
    await database.query('UPDATE worker SET weight = 2');
    expect(claim === undefined ? null : await leases.record([foundWell(claim)])).toEqual([]);
    expect(await rowOf(database, id)).toMatchObject({
      health: 'unknown',
      successes_in_row: 0,
      last_ok: null,
    });
    expect(await leases.claimDue(1)).toHaveLength(1);
  });

  it('waits for a definition that is being changed, and never causes a deadlock for the change', async () => {
    const database = await databaseForTest();
    await insertWorker(database, 'http://127.0.0.1:9/');
    const leases = await someLeases(database, 60_000);
    const claims = await leases.claimDue(1);
    const author = await aSession(database);
    await author.query('BEGIN; SELECT FROM worker FOR UPDATE');
    const recording = leases.record(claims.map(foundWell));
    await until(async () => (await waiting(database, '%worker%')) === 1);
    await author.query('UPDATE worker SET weight = 2');
    await author.query('COMMIT');
    expect(await recording).toEqual([]);
  });

  it('is dropped if its lease expired and was taken by another or the same replica', async () => {
    const database = await databaseForTest();
    const id = await insertWorker(database, 'http://127.0.0.1:9/');
    const [brief, lasting] = [await someLeases(database, 1), await someLeases(database, 60_000)];
    const [first] = await brief.claimDue(1);
    await sleep(5);
    const [second] = await brief.claimDue(1);
    if (first === undefined || second === undefined) throw new Error('not claimed');
    expect(await brief.record([foundWell(first)])).toEqual([]);
    await sleep(5);
    const [third] = await lasting.claimDue(1);
    if (third === undefined) throw new Error('not claimed');
    expect(await brief.record([foundWell(second)])).toEqual([]);
    expect((await rowOf(database, id)).health).toBe('unknown');
    expect(await lasting.record([foundWell(third)])).toHaveLength(1);
    expect(await rowOf(database, id)).toMatchObject({ health: 'healthy', lease_owner: null });
  });

  it('is dropped if the worker was taken offline, without an event', async () => {
    const database = await databaseForTest();
    const id = await insertWorker(database, 'http://127.0.0.1:9/');
    const leases = await someLeases(database, 60_000);
    const [claim] = await leases.claimDue(1);
    await database.query(`UPDATE worker SET admin_state = 'offline'`);
    if (claim !== undefined) await leases.record([foundWell(claim)]);
    expect((await rowOf(database, id)).health).toBe('unknown');
  });

  it('for many workers waits for no row while it holds others, which could deadlock', async () => {
    const database = await databaseForTest();
    const ids = await Promise.all(
      Array.from({ length: 9 }, (_, n) => insertWorker(database, `http://127.0.0.1:9/${n}`)),
    );
    const leases = await someLeases(database, 60_000);
    const claims = await leases.claimDue(9);
    const dba = await aSession(database);
    await dba.query('BEGIN');
    await dba.query('UPDATE worker_probe SET last_ms = 0 WHERE worker_id = $1', [ids[4]]);
    const recording = leases.record(claims.map((claim) => ({ ...foundWell(claim), after: claim.before })));
    await until(async () => (await database.query(`SELECT FROM worker_probe WHERE last_ok`)).length === 8);
    await dba.query('UPDATE worker_probe SET last_ms = 0');
    await dba.query('COMMIT');
    expect(await recording).toHaveLength(9);
  });

  it('writes the verdicts of many workers in one transaction, and that of a locked row when it is free', async () => {
    const database = await databaseForTest();
    const ids = await Promise.all(
      Array.from({ length: 9 }, (_, n) => insertWorker(database, `http://127.0.0.1:9/${n}`)),
    );
    const leases = await someLeases(database, 60_000);
    const claims = await leases.claimDue(9);
    const dba = await aSession(database);
    await dba.query('BEGIN');
    await dba.query('SELECT FROM worker WHERE id = $1 FOR UPDATE', [ids[4]]);
    const recording = leases.record(claims.map(foundWell));
    const written = `SELECT xmin FROM worker WHERE health = 'healthy'`;
    await until(async () => (await database.query(written)).length === 8);
    expect(new Set((await database.query<{ xmin: string }>(written)).map(({ xmin }) => xmin)).size).toBe(1);
    await dba.query('COMMIT');
    expect(await recording).toHaveLength(9);
    expect(await healthEventsOf(database, ids[4] ?? '')).toEqual(['healthy']);
  });

  it('blocks no other session: a DBA changes all rows at once while all are probed', async () => {
    const database = await databaseForTest();
    const upstream = await anUpstream();
    for (let n = 0; n < 20; n++) await insertWorker(database, `${upstream.url}/${n}`);
    const quick = { intervalMs: 40, tickMs: 20 };
    const checkers = await Promise.all([startChecker(database, quick), startChecker(database, quick)]);
    for (let n = 0; n < 10; n++) {
      await database.query(
        `UPDATE worker w SET weight = 1 + w.weight % 9 FROM (SELECT id FROM worker ORDER BY random()) r WHERE r.id = w.id`,
      );
      await database.query(`UPDATE worker_probe SET next_probe_at = now()`);
    }
    expect(checkers.flatMap(({ lines }) => lines.filter((line) => line.startsWith('error')))).toEqual([]);
    await until(async () => {
      const rows = await database.query(`SELECT FROM worker WHERE health <> 'healthy'`);
      return rows.length === 0;
    });
  });
});
