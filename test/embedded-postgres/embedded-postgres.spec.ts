import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres.js';
import { firstValue, isServing, withClient } from './query.js';
import { openFolder, temporaryFolder } from './folders.js';
import { PATIENT_MS } from '../until.js';

const PATIENT = { timeout: PATIENT_MS, interval: 20 };
const folder = temporaryFolder();
/** One database for all tests, because creating it takes most of a start. */
const dataDir = join(folder, 'data');
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));

async function start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres(options);
  onTestFinished(() => postgres.stop());
  return postgres;
}

describe('a running server', () => {
  const lines: string[] = [];
  let postgres: EmbeddedPostgres;
  beforeAll(async () => {
    process.env['ADMIN_API_KEY'] = 'not for the server';
    postgres = await startEmbeddedPostgres({ dataDir, log: (line) => lines.push(line), maxConnections: 23 });
    delete process.env['ADMIN_API_KEY'];
  });
  afterAll(() => postgres.stop());

  const setting = (name: string): Promise<unknown> => firstValue(postgres, `SHOW ${name}`);

  it('is PostgreSQL 18 with the configured number of connections', async () => {
    expect(await setting('server_version')).toMatch(/^18\./);
    expect(await setting('max_connections')).toBe('23');
  });

  it('listens on no TCP port, and only its own user can access its socket', async () => {
    expect(await setting('listen_addresses')).toBe('');
    const socket = statSync(join(postgres.connection.host, `.s.PGSQL.${postgres.connection.port}`));
    expect(socket.mode & 0o777).toBe(0o700);
  });

  it('uses UTC and sorts in the same order on every machine', async () => {
    expect(await setting('TimeZone')).toBe('UTC');
    expect(await firstValue(postgres, `SELECT datlocale FROM pg_database LIMIT 1`)).toBe('C.UTF-8');
    expect(await firstValue(postgres, `SELECT upper('äöü')`)).toBe('ÄÖÜ');
    expect(await setting('server_encoding')).toBe('UTF8');
  });

  it('syncs acknowledged writes to disk by default', async () => {
    expect(await setting('fsync')).toBe('on');
    expect(await setting('synchronous_commit')).toBe('on');
    expect(await setting('full_page_writes')).toBe('on');
  });

  it('writes its output to the log', () => {
    expect(lines.join('\n')).toContain('ready to accept connections');
  });

  it.runIf(process.platform === 'linux')('does not receive the environment of the service', () => {
    const environment = readFileSync(`/proc/${postgres.pid}/environ`, 'utf8');
    expect(environment).toContain('TZ=UTC');
    expect(environment).not.toContain('not for the server');
  });

  it('writes only to DATA_DIR/postgres', () => {
    const own = ['postgres', 'postgres-lib'];
    expect(
      readdirSync(dataDir).filter((name) => !own.includes(name) && !name.startsWith('postgres-binaries')),
    ).toEqual([]);
    expect(postgres.connection.host).toBe(join(dataDir, 'postgres'));
  });
});

describe('stopping', () => {
  it('ends sessions and leaves no process, no socket and no pid file', async () => {
    const postgres = await start({ dataDir, durable: false });
    expect(await firstValue(postgres, 'SHOW fsync')).toBe('off');
    await firstValue(postgres, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await withClient(postgres, async () => {
      await postgres.stop();
    });
    await postgres.exited;
    expect(isServing(postgres.pid, dataDir)).toBe(false);
    expect(readdirSync(join(dataDir, 'postgres'))).toEqual(['data']);
    expect(existsSync(join(dataDir, 'postgres/data/postmaster.pid'))).toBe(false);
  });

  it.runIf(process.platform === 'linux')('also ends the watchdog', async () => {
    const postgres = await start({ dataDir, durable: false });
    // Polled, because a new child process has the name of its parent for a moment.
    await vi.waitFor(() => expect(processesThatName(dataDir)).toHaveLength(2), PATIENT);
    await postgres.stop();
    await vi.waitFor(() => expect(processesThatName(dataDir)).toEqual([]), PATIENT);
  });

  it('may be called several times, at once and later', async () => {
    const postgres = await start({ dataDir, durable: false });
    await Promise.all([postgres.stop(), postgres.stop()]);
    await postgres.stop();
    expect(isServing(postgres.pid, dataDir)).toBe(false);
  });

  it('leaves a database that the next start can open', async () => {
    const postgres = await start({ dataDir, durable: false });
    expect(await firstValue(postgres, 'SELECT answer FROM kept')).toBe(42);
  });

  it('is reported when it was not requested', async () => {
    const postgres = await start({ dataDir, durable: false });
    process.kill(postgres.pid, 'SIGKILL');
    await postgres.exited;
    const next = await start({ dataDir, durable: false });
    expect(await firstValue(next, 'SELECT answer FROM kept')).toBe(42);
  });
});

describe('a DATA_DIR whose path is too long for a socket', () => {
  it('has its socket in a short folder, which is removed with the server and found again after a crash', async () => {
    const long = join(openFolder(), 'long'.repeat(30));
    const first = await start({ dataDir: long, durable: false });
    expect(first.connection.host).not.toContain(long);
    expect(statSync(first.connection.host).mode & 0o777).toBe(0o700);
    expect(await firstValue(first, 'SELECT 1')).toBe(1);

    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    expect(existsSync(first.connection.host)).toBe(true);

    const second = await start({ dataDir: long, durable: false });
    expect(second.connection.host).toBe(first.connection.host);
    expect(await firstValue(second, 'SELECT 1')).toBe(1);
    await second.stop();
    expect(existsSync(first.connection.host)).toBe(false);
  });
});

describe('a failing start reports its reason', () => {
  const failing = join(folder, 'failing');
  const cluster = join(failing, 'postgres', 'data');
  const refused = { name: 'EmbeddedPostgresError' };

  it('when another version created the database', async () => {
    writeAsPostgres(join(cluster, 'PG_VERSION'), '17\n');
    await expect(startEmbeddedPostgres({ dataDir: failing })).rejects.toMatchObject({
      ...refused,
      code: 'VERSION',
      message: expect.stringMatching(/made by PostgreSQL 17.*brings PostgreSQL 18.*pg_dump/),
    });
  });

  it('when the database path is occupied by something else', async () => {
    rmSync(join(cluster, 'PG_VERSION'));
    writeAsPostgres(join(cluster, 'holiday.jpg'), '');
    await expect(startEmbeddedPostgres({ dataDir: failing })).rejects.toMatchObject({
      ...refused,
      code: 'INITDB',
    });
    expect(readdirSync(cluster)).toEqual(['holiday.jpg']);
  });

  it('with the last output lines of PostgreSQL when it does not start', async () => {
    rmSync(join(dataDir, 'postgres/data/global/pg_control'));
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
      ...refused,
      code: 'START',
      message: expect.stringContaining('global/pg_control'),
    });
  });

  it('when DATA_DIR cannot be created', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(startEmbeddedPostgres({ dataDir: join(folder, 'file', 'data') })).rejects.toMatchObject({
      ...refused,
      code: 'UNREACHABLE',
      message: expect.stringContaining('Set DATA_DIR'),
    });
  });
});

/** The start gives `postgres` itself to this user; it contains no links. */
function writeAsPostgres(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text);
}

function processesThatName(path: string): readonly string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(path);
    } catch {
      return false; // ended in the meantime
    }
  });
}
