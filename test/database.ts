import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { type DatabaseAddress, pgOptions } from '../src/database/data-source.js';
import { onDatabase, TEMPLATE_DATABASE } from './test-server.js';

/** A fresh, migrated database on the server the tests share. */
export interface TestDatabase {
  readonly address: DatabaseAddress;
  /** Runs a statement as a DBA would in psql. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

/** @param template `null`: an empty database, not even migrated. */
export async function createDatabase(template: string | null = TEMPLATE_DATABASE): Promise<TestDatabase> {
  const server = inject('server');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const from = template === null ? '' : `TEMPLATE ${template} STRATEGY file_copy`;
  await onServer(server, `CREATE DATABASE ${name} ${from}`);
  const address = onDatabase(server, name);
  const pool = new pg.Pool({ ...pgOptions(address, 'test'), max: 4 });
  pool.on('error', () => {});
  return {
    address,
    async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) {
      return (await pool.query<Row>(sql, [...values])).rows;
    },
    async drop() {
      await pool.end();
      await onServer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/** A database for one test, dropped when it ends. */
export async function databaseForTest(template?: string | null): Promise<TestDatabase> {
  const database = await createDatabase(template);
  onTestFinished(() => database.drop());
  return database;
}

/** The same database for a role whose password is `test`; the embedded server wants none. */
export function asRole(address: DatabaseAddress, role: string): DatabaseAddress {
  if (!('url' in address)) return { ...address, user: role };
  const url = new URL(address.url);
  url.username = role;
  url.password = 'test';
  return { url: url.href };
}

/** One connection for each process of tests: PostgreSQL starts a process for every other one. */
let kept: Promise<pg.Client> | undefined;

async function onServer(server: DatabaseAddress, sql: string): Promise<void> {
  kept ??= connected(server);
  const client = await kept;
  await client.query(sql);
}

function forget(): void {
  kept = undefined;
}

async function connected(server: DatabaseAddress): Promise<pg.Client> {
  const client = new pg.Client(pgOptions(server, 'test databases'));
  client.on('error', forget).on('end', forget);
  await client.connect().catch((error: unknown) => {
    forget();
    throw error;
  });
  return client;
}
