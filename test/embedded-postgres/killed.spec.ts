import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres.js';
import { postgresUser } from '../../src/embedded-postgres/postgres-user.js';
import { holderOf } from '../../src/embedded-postgres/postmaster-pid.js';
import { firstValue, isServing } from './query.js';
import { buildCopy } from './built-copy.js';
import { temporaryFolder } from './folders.js';
import { forkHost, type Host, startHost } from './host-process.js';
import { PATIENT_MS } from '../until.js';

const PATIENT = { timeout: PATIENT_MS, interval: 20 };
const folder = temporaryFolder();
const app = join(folder, 'app');
/** One database for all tests that need any, because creating it takes most of a start. */
const dataDir = join(folder, 'data');
const user = postgresUser();
beforeAll(async () => {
  buildCopy(app);
  const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
  await postgres.stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));

async function start(at: string): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir: at, durable: false });
  onTestFinished(() => postgres.stop());
  return postgres;
}

function started({ report }: Host): Extract<Host['report'], { started: true }> {
  if (!report.started) throw new Error(report.message);
  return report;
}

describe('a service killed with -9', () => {
  it('leaves no server running, and the next start succeeds at once with every acknowledged row', async () => {
    const host = await startHost(app, dataDir, { env: { DURABLE: 'yes' } });
    const { pid, connection } = started(host);
    const client = new Client({ ...connection });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('CREATE TABLE kept (id int)');
    let acknowledged = 0;
    const inserting = (async () => {
      for (;;) {
        await client.query('INSERT INTO kept VALUES (1)');
        acknowledged += 1;
      }
    })().catch(() => undefined);
    await vi.waitFor(() => expect(acknowledged).toBeGreaterThan(20), PATIENT);
    await host.kill();
    await inserting;

    const successor = await start(dataDir);
    expect(isServing(pid, dataDir)).toBe(false);
    expect(successor.pid).not.toBe(pid);
    expect(Number(await firstValue(successor, 'SELECT count(*) FROM kept'))).toBeGreaterThanOrEqual(
      acknowledged,
    );
  });

  it('leaves no server running, even if no other service starts', async () => {
    const host = await startHost(app, dataDir);
    const { pid } = started(host);
    await host.kill();
    await vi.waitFor(() => expect(isServing(pid, dataDir)).toBe(false), PATIENT);
  });

  it('leaves no partial database that is mistaken for a complete one', async () => {
    const fresh = join(folder, 'interrupted');
    const process = forkHost(app, fresh);
    await vi.waitFor(() => expect(readdirSync(join(fresh, 'postgres')).join()).toContain('initdb-'), {
      timeout: 30_000,
      interval: 5,
    });
    process.kill('SIGKILL');
    await once(process, 'exit');
    const successor = await start(fresh);
    expect(await firstValue(successor, 'SELECT 1')).toBe(1);
  });

  it('leaves a partial database only until the next start', async () => {
    const left = join(dataDir, 'postgres', `initdb-${await pidOfTheDead()}-k2j3h4-1`);
    mkdirSync(left);
    writeFileSync(join(left, 'PG_VERSION'), '18\n');
    for (const path of [left, join(left, 'PG_VERSION')]) chownSync(path, user.uid, user.gid);
    await start(dataDir);
    expect(readdirSync(join(dataDir, 'postgres'))).not.toContain(basename(left));
  });
});

describe('Ctrl-C in a terminal', () => {
  it('reaches the service but not its server, which runs until the service stops it', async () => {
    const host = await startHost(app, dataDir, { detached: true }); // leads a process group, like the job of a shell
    const { pid, connection } = started(host);
    process.kill(-host.process.pid, 'SIGINT');
    process.kill(-host.process.pid, 'SIGINT');
    expect(await firstValue({ connection }, 'SELECT pg_sleep(0.3), 1')).toBe('');
    expect(isServing(pid, dataDir)).toBe(true);
    await host.stop();
    expect(isServing(pid, dataDir)).toBe(false);
  });
});

describe('a DATA_DIR in use', () => {
  const inUse = {
    code: 'IN_USE',
    message: expect.stringMatching(/in use.*DATA_DIR of its own.*DATABASE_URL/),
  };

  it('is taken by one of two services that start together on an empty folder; the other stops with a message', async () => {
    const raced = join(folder, 'raced');
    const [host, here] = await Promise.all([
      startHost(app, raced),
      start(raced).catch((error: unknown) => ({ started: false, error }) as const),
    ]);
    const [winner, loser] = 'error' in here ? [started(host), here.error] : [here, host.report];
    expect(loser).toMatchObject(inUse);
    expect(await firstValue(winner, 'SELECT 1')).toBe(1);
    expect(isServing(winner.pid, raced)).toBe(true);
    expect(readdirSync(join(raced, 'postgres')).join()).not.toContain('initdb-');
  });
});

describe('a crashed server', () => {
  it('whose pid now belongs to another program of the same user is replaced, and that program is not touched', async () => {
    const bystander = spawn('sleep', ['60'], { ...user.credentials, stdio: 'ignore' });
    onTestFinished(() => void bystander.kill());
    await crash(bystander.pid);
    const postgres = await start(dataDir);
    expect(await firstValue(postgres, 'SELECT 1')).toBe(1);
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
  });

  it('that is still a zombie is waited for', async () => {
    // When the child dies, the shell has become a program that collects no children.
    const negligent = spawn('/bin/sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], user.credentials);
    onTestFinished(() => void negligent.kill());
    const [printed] = await once(negligent.stdout, 'data');
    const pid = Number(String(printed));
    await vi.waitFor(() => expect(holderOf(pid, dataDir)).toBe('zombie'), PATIENT);
    await crash(pid);
    let collected = false;
    setTimeout(() => (collected = negligent.kill()), 300);
    expect(await firstValue(await start(dataDir), 'SELECT 1')).toBe(1);
    expect(collected).toBe(true);
  });

  it('with an empty pid file after a power failure is replaced', async () => {
    await crash();
    writeFileSync(join(dataDir, 'postgres/data/postmaster.pid'), '');
    expect(await firstValue(await start(dataDir), 'SELECT 1')).toBe(1);
  });

  it('with remaining processes is replaced when they have ended', async () => {
    const postgres = await start(dataDir);
    const survivor = new Client({ ...postgres.connection });
    survivor.on('error', () => undefined);
    await survivor.connect();
    const { rows } = await survivor.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const pid = Number(rows[0]?.pid);
    process.kill(pid, 'SIGSTOP'); // ignores signals, like one in a long query
    process.kill(postgres.pid, 'SIGKILL');
    await postgres.exited;
    setTimeout(() => process.kill(pid, 'SIGKILL'), 500);
    expect(await firstValue(await start(dataDir), 'SELECT 1')).toBe(1);
  });

  it('is not assumed while its socket answers, as from a container with the same volume', async () => {
    await crash();
    const socket = join(dataDir, 'postgres/.s.PGSQL.5432');
    rmSync(socket);
    const elsewhere = createServer().listen(socket);
    await once(elsewhere, 'listening');
    await expect(start(dataDir)).rejects.toMatchObject({ code: 'IN_USE' });
    elsewhere.close();
    await once(elsewhere, 'close');
    expect(await firstValue(await start(dataDir), 'SELECT 1')).toBe(1);
  });
});

/** The files after a crash, with a pid that now belongs to another process. */
async function crash(pid?: number): Promise<void> {
  const postgres = await start(dataDir);
  process.kill(postgres.pid, 'SIGKILL');
  await postgres.exited;
  if (pid === undefined) return;
  for (const name of ['data/postmaster.pid', '.s.PGSQL.5432.lock']) {
    const path = join(dataDir, 'postgres', name);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^\d+/, String(pid)));
  }
}

async function pidOfTheDead(): Promise<number> {
  const process = spawn('true');
  await once(process, 'exit');
  return Number(process.pid);
}
