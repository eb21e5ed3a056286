import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pgOptions } from '../../src/database/data-source.js';
import { LockWaitError } from '../../src/database/lock-wait.js';
import { migrate, revertMigration, showMigrations } from '../../src/database/migrate.js';
import { databaseForTest, type TestDatabase } from '../database.js';
import { databaseBehindProxy } from '../database-behind-proxy.js';

/** Another client, in a transaction that stays open. */
async function holding(database: TestDatabase, sql: string): Promise<pg.Client> {
  const client = new pg.Client(pgOptions(database.address, 'test'));
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  await client.query(`BEGIN; ${sql}`);
  return client;
}

const MIGRATION_RUNS = 'SELECT pg_advisory_xact_lock(7306121995)';

describe('a migration', () => {
  it('gives up waiting for another migration when the server falls silent', async () => {
    const { database, url, proxy } = await databaseBehindProxy(null);
    await holding(database, MIGRATION_RUNS);
    const migrating = migrate({ url }, 'public', { answerMs: 3_000 }).catch(String);
    await expect.poll(() => proxy.connections).toBe(1);
    proxy.silenceForGood();
    expect(await migrating).toMatch(/timeout/);
  });

  it('gives up in the middle when the server falls silent, and its changes are rolled back', async () => {
    const { database, url, proxy } = await databaseBehindProxy(null);
    const other = await holding(database, 'CREATE TABLE worker ()');
    const migrating = migrate({ url }, 'public', { answerMs: 3_000 }).catch(String);
    await expect.poll(() => waitingFor(database)).toBe(1);
    proxy.silenceForGood();
    expect(await migrating).toMatch(/timeout/);
    await proxy.cut();
    await other.query('ROLLBACK');
    await expect.poll(() => waitingFor(database)).toBe(0);
    expect(await migrate(database.address, 'public')).not.toEqual([]);
  });

  it('says once which session holds the lock of a table, lets other queries of it pass, and goes on when it is free', async () => {
    const { database, reader } = await beforeProbeFailures();
    const lines: string[] = [];
    const limits = { lockWaitMs: 300, pauseMs: 300 };
    const migrating = migrate(database.address, 'public', { ...limits, warn: (line) => lines.push(line) });
    await expect.poll(() => lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^waiting for AccessExclusiveLock on worker_probe, held by pid \d+ \(mmm test \S+ of \S+, idle in transaction, query started 20\S+Z\)$/,
    );
    // The migration stands in the queue, or is between two tries.
    expect(await database.query('SELECT FROM worker_probe')).toEqual([]);
    expect(await database.query('SELECT FROM worker_probe')).toEqual([]);
    await reader.query('COMMIT');
    expect(await migrating).not.toEqual([]);
    expect(lines).toHaveLength(1);
  });

  it('waits for its own table as for any other, and names the session that holds it', async () => {
    const database = await databaseForTest();
    const other = await holding(database, 'LOCK TABLE migration');
    const showing = showMigrations(database.address, 'public', new AbortController().signal).catch(String);
    const reverting = revertMigration(database.address, 'public', { lockWaitMs: 300, patienceMs: 0 });
    await expect(reverting).rejects.toThrow(LockWaitError);
    const lines: string[] = [];
    const limits = { lockWaitMs: 300, pauseMs: 100, warn: (line: string) => lines.push(line) };
    const migrating = migrate(database.address, 'public', limits);
    await expect.poll(() => lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^waiting for AccessShareLock on migration, held by pid \d+ \(mmm test /);
    expect(await showing).toMatch(
      /gave up after \d+ s: waiting for a lock on migration, held by pid \d+ \(mmm test /,
    );
    await other.query('COMMIT');
    expect(await migrating).toEqual([]);
  });

  it('makes no change fail that other sessions make meanwhile', async () => {
    const database = await databaseForTest();
    const isApplied = "SELECT FROM migration WHERE name = 'Event1809000000000'";
    while ((await database.query(isApplied)).length > 0)
      await revertMigration(database.address, 'public', { loseRows: true });
    const changes = Array.from({ length: 6 }, (_, at) => changing(database, `model-${at}`));
    // A migration and a change that wait for each other would end after 1 s in an error of the change.
    await migrate(database.address, 'public', { pauseMs: 100 });
    for (const { errors, made } of await Promise.all(changes.map((change) => change.stop()))) {
      expect(errors).toEqual([]);
      expect(made).toBeGreaterThan(0);
    }
  });

  it('gives up when the lock of a table stays held, and names the session', async () => {
    const { database } = await beforeProbeFailures();
    const before = await database.query('SELECT name FROM migration');
    const failed = migrate(database.address, 'public', { lockWaitMs: 500, patienceMs: 0 });
    await expect(failed).rejects.toThrow(LockWaitError);
    await expect(failed).rejects.toThrow(
      /^gave up after \d+ s: waiting for \w+ on worker_probe, held by pid \d+ \(mmm test /,
    );
    expect(await database.query('SELECT name FROM migration')).toEqual(before);
  });

  it('says once which session migrates already, and gives up when that does not end', async () => {
    const database = await databaseForTest(null);
    await holding(database, MIGRATION_RUNS);
    const lines: string[] = [];
    const failed = migrate(database.address, 'public', { patienceMs: 600, warn: (line) => lines.push(line) });
    await expect(failed).rejects.toThrow(
      /^gave up after \d+ s: waiting for another migration to end, held by pid \d+ \(mmm test /,
    );
    expect(lines).toEqual([
      expect.stringMatching(/^waiting for another migration to end, held by pid \d+ \(mmm test /),
    ]);
  });

  it('stops at once when the service stops', async () => {
    const database = await databaseForTest(null);
    await holding(database, MIGRATION_RUNS);
    const stopping = new AbortController();
    const migrating = migrate(database.address, 'public', { stop: stopping.signal });
    await expect.poll(() => sessionsOf(database)).toBe(1);
    stopping.abort();
    await expect(migrating).rejects.toThrow('aborted');
    await expect.poll(() => sessionsOf(database)).toBe(0);
  });
});

/** Registers a worker, records a probe of it and deletes it, again and again. */
function changing(database: TestDatabase, model: string) {
  const errors: string[] = [];
  let made = 0;
  const stopping = new AbortController();
  // A case that fails in between must not leave a loop behind whose queries fail at once.
  onTestFinished(() => stopping.abort());
  const change = async (sql: string): Promise<void> => {
    await database.query(sql, [model]).then(
      () => (made += 1),
      (error: unknown) => errors.push(String(error)),
    );
  };
  const done = (async () => {
    while (!stopping.signal.aborted) {
      await change(
        `INSERT INTO worker (model_name, req_url_template, protocol) VALUES ($1, 'http://127.0.0.1/v1', 'openai')`,
      );
      await change(
        `WITH p AS (UPDATE worker_probe SET last_probe_at = now() FROM worker w WHERE w.id = worker_id AND w.model_name = $1
           RETURNING worker_id)
         UPDATE worker SET health = 'healthy' FROM p WHERE id = worker_id`,
      );
      await change(`DELETE FROM worker WHERE model_name = $1`);
      await change(`INSERT INTO model (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET retries = 1`);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await done;
      return { errors, made };
    },
  };
}

/** Reverted to before the newest migration that changes `worker_probe`, with a transaction open that reads it. */
async function beforeProbeFailures() {
  const database = await databaseForTest();
  const isApplied = "SELECT FROM migration WHERE name = 'ProbeFailures1799000000000'";
  while ((await database.query(isApplied)).length > 0) await revertMigration(database.address, 'public');
  return { database, reader: await holding(database, 'SELECT FROM worker_probe') };
}

async function waitingFor(database: TestDatabase): Promise<number> {
  const rows = await database.query(`SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'mmm migrate %' AND wait_event_type = 'Lock'`);
  return rows.length;
}

async function sessionsOf(database: TestDatabase): Promise<number> {
  const rows = await database.query(`SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'mmm migrate-lock %'`);
  return rows.length;
}
