import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pgOptions } from '../src/database/data-source.js';
import { migrate, revertMigration } from '../src/database/migrate.js';
import { databaseForTest, type TestDatabase } from './database.js';
import { databaseBehindProxy } from './database-behind-proxy.js';

/** Somebody else in a transaction that he does not end. */
async function holding(database: TestDatabase, sql: string): Promise<pg.Client> {
  const client = new pg.Client(pgOptions(database.address, 'test'));
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  await client.query(`BEGIN; ${sql}`);
  return client;
}

const SOMEBODY_MIGRATES = 'SELECT pg_advisory_xact_lock(7306121995)';

describe('a migration', () => {
  it('that waits for another one gives up when the server falls silent', async () => {
    const { database, url, proxy } = await databaseBehindProxy(null);
    await holding(database, SOMEBODY_MIGRATES);
    const migrating = migrate({ url }, 'public', { answerMs: 500 }).catch(String);
    await expect.poll(() => proxy.connections).toBe(1);
    proxy.silenceForGood();
    expect(await migrating).toMatch(/timeout/);
  });

  it('that runs gives up when the server falls silent, and what it did is undone', async () => {
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

  it('does not queue up before a table that somebody reads for long, where all others would queue behind it', async () => {
    const database = await databaseForTest();
    await revertMigration(database.address, 'public');
    const reader = await holding(database, 'SELECT FROM worker');
    await expect(migrate(database.address, 'public', { lockWaitMs: 500 })).rejects.toThrow(/lock timeout/);
    expect(await database.query('SELECT FROM worker')).toEqual([]);
    await reader.query('COMMIT');
    expect(await migrate(database.address, 'public')).not.toEqual([]);
  });

  it('is given up at once by a service that is to stop', async () => {
    const database = await databaseForTest(null);
    await holding(database, SOMEBODY_MIGRATES);
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
    WHERE datname = current_database() AND application_name = 'multi-model-manager migrations' AND wait_event_type = 'Lock'`);
  return rows.length;
}

async function sessionsOf(database: TestDatabase): Promise<number> {
  const rows = await database.query(`SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'multi-model-manager migration lock'`);
  return rows.length;
}
