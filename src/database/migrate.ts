import pg from 'pg';
import type { DataSource } from 'typeorm';
import { type DatabaseAddress, migrationDataSource } from './data-source.js';
import { underMigrationLock } from './migration-lock.js';

export interface MigrationOptions {
  /** Gives it up. */
  readonly stop?: AbortSignal;
  /** How long the server may be silent. */
  readonly answerMs?: number;
  /** How long a migration may wait for a lock on a table: everybody else waits behind it. */
  readonly lockWaitMs?: number;
}

/**
 * Brings the schema up to date, each migration in a transaction of its own, under one lock: of replicas that start
 * together one migrates and the others find nothing left to do. Given up when the server falls silent; what was not
 * committed is undone.
 * @returns the names of the migrations it ran
 */
export async function migrate(
  address: DatabaseAddress,
  schema: string,
  options: MigrationOptions = {},
): Promise<readonly string[]> {
  return withMigrations(address, schema, options, async (source) => {
    await ensureSchema(source, schema);
    await expectToSee(source, schema);
    const ran = await source.runMigrations({ transaction: 'each' });
    return ran.map((migration) => migration.name);
  });
}

/** Takes back the newest migration. */
export async function revertMigration(address: DatabaseAddress, schema: string): Promise<void> {
  await withMigrations(address, schema, {}, (source) => source.undoLastMigration({ transaction: 'each' }));
}

async function withMigrations<T>(
  address: DatabaseAddress,
  schema: string,
  { stop = new AbortController().signal, answerMs = 5_000, lockWaitMs = 5_000 }: MigrationOptions,
  use: (source: DataSource) => Promise<T>,
): Promise<T> {
  return underMigrationLock({ address, answerMs, stop }, async (lost) => {
    const source = await migrationDataSource(address, schema, lockWaitMs, lost).initialize();
    try {
      return await use(source);
    } finally {
      await source.destroy();
    }
  });
}

/** Asks first: CREATE SCHEMA needs a right on the whole database, even with IF NOT EXISTS and a schema that is there. */
async function ensureSchema(source: DataSource, schema: string): Promise<void> {
  const rows: unknown[] = await source.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
  if (rows.length === 0) await source.query(`CREATE SCHEMA ${pg.escapeIdentifier(schema)}`);
}

/** Some poolers drop what a session asks for at its start, and the tables would land elsewhere. */
async function expectToSee(source: DataSource, schema: string): Promise<void> {
  const [row]: { current_schema: string }[] = await source.query('SELECT current_schema()');
  if (row?.current_schema === schema) return;
  throw new Error(
    `migrations would land in the schema ${row?.current_schema} instead of ${schema}: let DATABASE_DIRECT_URL lead past the connection pooler`,
  );
}
