import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pgOptions } from '../../src/database/data-source.js';
import { migrate, revertMigration } from '../../src/database/migrate.js';
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
    const migrating = migrate({ url }, 'public', { answerMs: 500 }).catch(String);
    await expect.poll(() => proxy.connections).toBe(1);
    proxy.silenceForGood();
    expect(await migrating).toMatch(/timeout/);
  });

  it('gives up in the middle when the server falls silent, and its changes are rolled back', async () => {
    const { database, url, proxy } = await databaseBehindProxy(null);
    const other = await holding(database, 'CREATE TABLE worker ()');
    const migrating = migrate({ url }, 'public', { answerMs: 500 }).catch(String);
    await expect.poll(() => waitingFor(database)).toBe(1);
    proxy.silenceForGood();
    expect(await migrating).toMatch(/timeout/);
    await proxy.cut();
    await other.query('ROLLBACK');
    await expect.poll(() => waitingFor(database)).toBe(0);
    expect(await migrate(database.address, 'public')).not.toEqual([]);
  });

  it('leaves the queue for a table lock, so that no other query waits behind it', async () => {
    const database = await databaseForTest();
    // Down to before the newest migration that changes `worker_probe`, whatever came after it.
    const isApplied = "SELECT FROM migration WHERE name = 'ProbeFailures1799000000000'";
    while ((await database.query(isApplied)).length > 0) await revertMigration(database.address, 'public');
    const reader = await holding(database, 'SELECT FROM worker, worker_probe');
    await expect(migrate(database.address, 'public', { lockWaitMs: 500 })).rejects.toThrow(/lock timeout/);
    expect(await database.query('SELECT FROM worker')).toEqual([]);
    await reader.query('COMMIT');
    expect(await migrate(database.address, 'public')).not.toEqual([]);
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
