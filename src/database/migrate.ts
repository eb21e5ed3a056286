import pg from 'pg';
import type { DataSource } from 'typeorm';
import { type DatabaseAddress, migrationDataSource } from './data-source.js';
import { underMigrationLock } from './migration-lock.js';

export interface MigrationOptions {
  /** Aborts the migration. */
  readonly stop?: AbortSignal;
  /** The longest silence of the server. */
  readonly answerMs?: number;
  /** How long a migration may wait for a lock on a table: all later queries of the table queue behind it. */
  readonly lockWaitMs?: number;
}

/**
 * Brings the schema up to date, each migration in a transaction of its own, under one lock: of replicas that start
 * together, one migrates and the others find nothing to do. Aborted when the server is silent; uncommitted changes are
 * rolled back.
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

/** Reverts the newest migration. */
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

/** Checks first: CREATE SCHEMA needs a privilege on the whole database, even with IF NOT EXISTS and an existing schema. */
async function ensureSchema(source: DataSource, schema: string): Promise<void> {
  const rows: unknown[] = await source.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
  if (rows.length === 0) await source.query(`CREATE SCHEMA ${pg.escapeIdentifier(schema)}`);
}

/** Some poolers drop the startup parameters of a session, and the tables would be created in another schema. */
async function expectToSee(source: DataSource, schema: string): Promise<void> {
  const [row]: { current_schema: string }[] = await source.query('SELECT current_schema()');
  if (row?.current_schema === schema) return;
  throw new Error(
    `migrations would create tables in the schema ${row?.current_schema} instead of ${schema}: set DATABASE_DIRECT_URL to an address that bypasses the connection pooler`,
  );
}
