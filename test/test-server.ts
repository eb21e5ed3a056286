import { mkdtemp, readFile, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { type DatabaseAddress, pgOptions } from '../src/database/data-source.js';
import { startEmbeddedPostgres } from '../src/embedded-postgres/embedded-postgres.js';
import { migrate } from '../src/database/migrate.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The server all tests share; each test file makes databases of its own on it (test/database.ts). */
    server: DatabaseAddress;
  }
}

export const TEMPLATE_DATABASE = 'mmm_template';

/** One real PostgreSQL a run (embedded, or TEST_DATABASE_URL), with one migrated template database. */
export async function startTestServer(project: TestProject): Promise<() => Promise<void>> {
  const url = process.env['TEST_DATABASE_URL'];
  const server = url === undefined ? await startServer() : { address: { url }, stop: async () => {} };
  const client = new pg.Client(pgOptions(server.address));
  await client.connect();
  await client.query(`DROP DATABASE IF EXISTS ${TEMPLATE_DATABASE}`);
  await client.query(`CREATE DATABASE ${TEMPLATE_DATABASE}`);
  await client.end();
  await migrate(onDatabase(server.address, TEMPLATE_DATABASE), 'public');
  project.provide('server', server.address);
  return server.stop;
}

async function startServer() {
  const dataDir = await mkdtemp(join(await quickFolder(), 'mmm-test-'));
  const postgres = await startEmbeddedPostgres({ dataDir, durable: false, maxConnections: 200 });
  return {
    address: postgres.connection,
    async stop() {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

const MEMORY_FOLDER = '/dev/shm';
const ROOM_NEEDED = 3 * 1024 ** 3;

/**
 * In memory, where there is room: a database is copied in 20 ms, not 150 to 350. A folder that forbids programs
 * (`noexec`) will not do, because PostgreSQL's programs may be copied beside the data.
 */
async function quickFolder(): Promise<string> {
  const mounts = await readFile('/proc/mounts', 'utf8').catch(() => '');
  const options = new RegExp(`^\\S+ ${MEMORY_FOLDER} tmpfs (\\S+)`, 'm').exec(mounts)?.[1]?.split(',') ?? [];
  if (!options.includes('rw') || options.includes('noexec')) return tmpdir();
  const { bavail, bsize } = await statfs(MEMORY_FOLDER);
  return bavail * bsize < ROOM_NEEDED ? tmpdir() : MEMORY_FOLDER;
}

/** The same server, another database. */
export function onDatabase(server: DatabaseAddress, database: string): DatabaseAddress {
  if (!('url' in server)) return { ...server, database };
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  return { url: url.href };
}
