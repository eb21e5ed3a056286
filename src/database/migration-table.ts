import pg from 'pg';
import type { Query } from './database-client.js';
import { type MigrationFiles, nameOf } from './migration-files.js';
import { MIGRATION_LOCK } from './migration-lock.js';

/** A row of the table `migration`. */
export interface RecordedMigration {
  readonly recordedAs: string;
  /** `null`: it ran before times were recorded. */
  readonly ranAt: Date | null;
}

export interface MigrationState {
  readonly name: string;
  /** foreign: in the table, but not among the files of this release; a newer release ran it. */
  readonly state: 'ran' | 'pending' | 'foreign';
  readonly ranAt: Date | null;
}

/** As TypeORM makes it for earlier releases, with the column that 1808000000000-migration-times adds there. */
export const CREATE_MIGRATION_TABLE = `CREATE TABLE migration (
  id          serial            NOT NULL,
  "timestamp" bigint            NOT NULL,
  name        character varying NOT NULL,
  ran_at      timestamptz       DEFAULT clock_timestamp(),
  CONSTRAINT "PK_3043fc6b8af7c99b8b98830094f" PRIMARY KEY (id)
);`;

/** The row that says that the migration ran. */
export function recordSql({ recordedAs, stamp }: MigrationFiles): string {
  return `INSERT INTO migration ("timestamp", name) VALUES (${stamp}, ${pg.escapeLiteral(recordedAs)});`;
}

/** How far a database is. */
export interface MigrationTable {
  readonly schemaExists: boolean;
  readonly tableExists: boolean;
  /** In the order in which they ran. */
  readonly recorded: readonly RecordedMigration[];
}

export async function readMigrationTable(query: Query, schema: string): Promise<MigrationTable> {
  const table = `${pg.escapeIdentifier(schema)}.migration`;
  const schemas = await query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  const tables = await query('SELECT FROM pg_class WHERE oid = to_regclass($1)', [table]);
  // Through JSON, because an earlier release's table has no ran_at.
  const rows =
    tables.length === 0
      ? []
      : await query<RecordedMigration>(
          `SELECT name AS "recordedAs", (to_jsonb(m) ->> 'ran_at')::timestamptz AS "ranAt" FROM ${table} m ORDER BY id`,
          [],
        );
  return {
    schemaExists: schemas.length > 0,
    tableExists: tables.length > 0,
    recorded: rows,
  };
}

export function pendingMigrations(
  files: readonly MigrationFiles[],
  recorded: readonly RecordedMigration[],
): readonly MigrationFiles[] {
  const ran = new Set(recorded.map(({ recordedAs }) => recordedAs));
  return files.filter(({ recordedAs }) => !ran.has(recordedAs));
}

export function migrationStates(
  files: readonly MigrationFiles[],
  recorded: readonly RecordedMigration[],
): readonly MigrationState[] {
  const known = new Map(files.map(({ recordedAs, name }) => [recordedAs, name]));
  return [
    ...recorded.map(({ recordedAs, ranAt }): MigrationState => ({
      name: known.get(recordedAs) ?? nameOf(recordedAs),
      ranAt,
      state: known.has(recordedAs) ? 'ran' : 'foreign',
    })),
    ...pendingMigrations(files, recorded).map(({ name }): MigrationState => ({
      name,
      ranAt: null,
      state: 'pending',
    })),
  ];
}

/** What `migrate run` would do, as one transaction to run by hand. Plain SQL: no command of psql. */
export function migrationScript(
  schema: string,
  { schemaExists, tableExists, recorded }: MigrationTable,
  files: readonly MigrationFiles[],
  lockWaitMs: number,
): string {
  const pending = pendingMigrations(files, recorded);
  if (pending.length === 0) return `-- Nothing is pending in the schema ${schema}.\n`;
  const quoted = pg.escapeIdentifier(schema);
  const parts = [
    `-- Pending in the schema ${schema}:\n${pending.map(({ name }) => `--   ${name}\n`).join('')}` +
      '-- One transaction: all or nothing. Run it as the role that owns the schema: psql -v ON_ERROR_STOP=1 -f <this file>',
    'BEGIN;',
    `SET LOCAL search_path = ${quoted};\n` +
      '-- A lock that is not free ends the transaction, because later queries of the table would wait behind it.\n' +
      `SET LOCAL lock_timeout = '${lockWaitMs}ms';\n` +
      '-- Keeps replicas that start now from migrating at the same time.\n' +
      `SELECT pg_advisory_xact_lock(${MIGRATION_LOCK});`,
    ...(schemaExists ? [] : [`CREATE SCHEMA ${quoted};`]),
    ...(tableExists ? [] : [CREATE_MIGRATION_TABLE]),
    ...pending.flatMap((migration) => [
      `-- ${migration.name}.up.sql`,
      migration.up.trim(),
      recordSql(migration),
    ]),
    'COMMIT;',
  ];
  return `${parts.join('\n\n')}\n`;
}
