import { Socket } from 'node:net';
import pg from 'pg';
import { MIGRATION_LIMITS } from '../config/tuning.js';
import { DatabaseClient, hangUp, queryOf } from './database-client.js';
import { type DatabaseAddress, pgOptions } from './data-source.js';
import { type Loss, nameOf, readMigrations } from './migration-files.js';
import { describeWait, LockWaitError, readLockHolders } from './lock-wait.js';
import { underMigrationLock } from './migration-lock.js';
import { gaveWay, type MigrationSession, withMigrationSession } from './migration-session.js';
import {
  CREATE_MIGRATION_TABLE,
  migrationScript,
  type MigrationState,
  migrationStates,
  type MigrationTable,
  pendingMigrations,
  readMigrationTable,
  recordSql,
} from './migration-table.js';

export interface MigrationOptions extends Partial<typeof MIGRATION_LIMITS> {
  /** Aborts the migration. */
  readonly stop?: AbortSignal;
  /** Receives a line for each lock that is waited for. */
  readonly warn?: (line: string) => void;
  /** Receives the name of each migration that ran, and how long it took. */
  readonly ran?: (name: string, ms: number) => void;
}

export interface LostRows {
  readonly what: string;
  readonly rows: number;
}

/** A read of the migrations that ran holds nothing that others wait for. */
const LONGEST_READ_MS = 2_000;

/** A revert would lose rows, and `--lose-rows` is missing. Nothing has changed. */
export class RowsWouldBeLostError extends Error {
  constructor(
    name: string,
    readonly lost: readonly LostRows[],
  ) {
    super(
      `${name} was not reverted, because that loses rows: ${describeLost(lost)}. With --lose-rows it is reverted all the same`,
    );
    this.name = 'RowsWouldBeLostError';
  }
}

export function describeLost(lost: readonly LostRows[]): string {
  return lost.map(({ what, rows }) => `${what} ${rows}`).join(', ');
}

/**
 * Brings the schema up to date, each migration in a transaction of its own, under one lock: of replicas that start
 * together, one migrates and the others find nothing to do. Aborted when the server is silent; uncommitted changes are
 * rolled back.
 * @returns the names of the migrations it ran
 * @throws LockWaitError
 */
export async function migrate(
  address: DatabaseAddress,
  schema: string,
  options: MigrationOptions = {},
): Promise<readonly string[]> {
  return withMigrations(address, schema, options, async (session) => {
    const recorded = await session.transaction(async () => {
      const table = await readMigrationTable(session.query, schema);
      // Only where it is missing: IF NOT EXISTS needs the privilege to create all the same.
      if (!table.schemaExists) await session.query(`CREATE SCHEMA ${pg.escapeIdentifier(schema)}`);
      await expectToSee(session, schema);
      if (!table.tableExists) await session.query(CREATE_MIGRATION_TABLE);
      return table.recorded;
    });
    const pending = pendingMigrations(readMigrations(), recorded);
    for (const migration of pending) {
      const startedMs = performance.now();
      await session.transaction(async () => {
        await runFile(session, `${migration.name}.up.sql`, migration.up);
        await session.query(recordSql(migration));
      });
      options.ran?.(migration.name, performance.now() - startedMs);
    }
    return pending.map(({ name }) => name);
  });
}

/**
 * Reverts the migration that ran last. `null`: there is none.
 * @throws RowsWouldBeLostError, LockWaitError
 */
export async function revertMigration(
  address: DatabaseAddress,
  schema: string,
  options: MigrationOptions & { readonly loseRows?: boolean } = {},
): Promise<{ readonly name: string; readonly lost: readonly LostRows[] } | null> {
  return withMigrations(address, schema, options, async (session) => {
    const last = await session.transaction(async () => {
      await expectToSee(session, schema);
      return (await readMigrationTable(session.query, schema)).recorded.at(-1);
    });
    if (last === undefined) return null;
    const migration = readMigrations().find(({ recordedAs }) => recordedAs === last.recordedAs);
    if (migration === undefined)
      throw new Error(
        `${nameOf(last.recordedAs)} ran last, and this release has no such migration: revert it with the release that has it`,
      );
    const lost = await session.transaction(async () => {
      const counted = await countLost(session, migration.losses);
      if (counted.length > 0 && options.loseRows !== true)
        throw new RowsWouldBeLostError(migration.name, counted);
      await runFile(session, `${migration.name}.down.sql`, migration.down);
      await session.query('DELETE FROM migration WHERE name = $1', [migration.recordedAs]);
      return counted;
    });
    return { name: migration.name, lost };
  });
}

/** Which migrations ran and which are pending. Changes nothing. @throws LockWaitError */
export async function showMigrations(
  address: DatabaseAddress,
  schema: string,
  stop: AbortSignal,
): Promise<readonly MigrationState[]> {
  const { recorded } = await readTable(address, schema, stop);
  return migrationStates(readMigrations(), recorded);
}

/** The SQL of all pending migrations. Changes nothing. @throws LockWaitError */
export async function pendingSql(
  address: DatabaseAddress,
  schema: string,
  stop: AbortSignal,
): Promise<string> {
  const table = await readTable(address, schema, stop);
  return migrationScript(schema, table, readMigrations(), MIGRATION_LIMITS.lockWaitMs);
}

async function withMigrations<T>(
  address: DatabaseAddress,
  schema: string,
  options: MigrationOptions,
  use: (session: MigrationSession) => Promise<T>,
): Promise<T> {
  const { stop = new AbortController().signal, warn = () => {}, ...rest } = options;
  const limits = { ...MIGRATION_LIMITS, ...rest };
  return underMigrationLock({ ...limits, address, stop, warn }, (lock) =>
    withMigrationSession({ ...limits, address, schema }, lock, use),
  );
}

/** Without the migration lock, and without a wait for a migration that holds the table. @throws LockWaitError */
async function readTable(
  address: DatabaseAddress,
  schema: string,
  stop: AbortSignal,
): Promise<MigrationTable> {
  const socket = new Socket({ signal: stop });
  const client = new DatabaseClient({
    ...pgOptions(address, 'migrate'),
    stream: () => socket,
    options: `-c lock_timeout=${LONGEST_READ_MS}`,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return await readMigrationTable(queryOf(client), schema);
  } catch (error) {
    if (!gaveWay(error)) throw error;
    const holders = await readLockHolders(queryOf(client), `${pg.escapeIdentifier(schema)}.migration`);
    throw new LockWaitError(describeWait({ lock: 'a lock on migration', holders }), LONGEST_READ_MS, {
      cause: error,
    });
  } finally {
    await hangUp(client, socket);
  }
}

/** An error says in which line of the file. */
async function runFile(session: MigrationSession, file: string, sql: string): Promise<void> {
  try {
    await session.query(sql);
  } catch (error) {
    if (error instanceof pg.DatabaseError) {
      const line =
        error.position === undefined ? '' : `:${sql.slice(0, Number(error.position)).split('\n').length}`;
      error.message = `migrations/${file}${line}: ${error.message}`;
    }
    throw error;
  }
}

/** Keeps others from adding rows until the revert is done; it needs these locks anyway. */
async function countLost(session: MigrationSession, losses: readonly Loss[]): Promise<LostRows[]> {
  const tables = [...new Set(losses.map(({ table }) => table))];
  if (tables.length > 0) await session.query(`LOCK TABLE ${tables.join(', ')} IN ACCESS EXCLUSIVE MODE`);
  const counted: LostRows[] = [];
  for (const { what, count } of losses) {
    const [row] = await session.query<{ count: string }>(count);
    if (Number(row?.count) > 0) counted.push({ what, rows: Number(row?.count) });
  }
  return counted;
}

/** Some poolers drop the startup parameters of a session, and the tables would be created in another schema. */
async function expectToSee(session: MigrationSession, schema: string): Promise<void> {
  const [row] = await session.query<{ current_schema: string }>('SELECT current_schema()');
  if (row?.current_schema === schema) return;
  throw new Error(
    `migrations would create tables in the schema ${row?.current_schema} instead of ${schema}: set DATABASE_DIRECT_URL to an address that bypasses the connection pooler`,
  );
}
