import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres.js';
import { Child } from '../child.js';
import { untilReady } from '../service.js';
import { taskWorker } from './task-upstream.js';

/**
 * `npm run bench:jobs -- [jobs] [seconds] [interval ms]`: many running jobs on one replica. Prints what looking at them costs:
 * CPU of the service and of PostgreSQL, transactions, WAL, and how late looks are.
 */
const [jobs = '5000', seconds = '60', intervalMs = '5000'] = process.argv.slice(2);
const ROOT = join(import.meta.dirname, '../../..');
const TICKS_A_SECOND = 100;

interface Figures {
  readonly atMs: number;
  readonly looks: number;
  readonly transactions: number;
  readonly walBytes: number;
  readonly updates: number;
  readonly hotUpdates: number;
  readonly serviceCpuMs: number;
  readonly postgresCpuMs: number;
  readonly delays: ReadonlyMap<string, number>;
  readonly delaySum: number;
}

const folder = mkdtempSync(join(tmpdir(), 'mmm-jobs-'));
const log = openSync(join(folder, 'log'), 'w');
const postgres = await startEmbeddedPostgres({
  dataDir: join(folder, 'data'),
  durable: true,
  maxConnections: 60,
});
const upstream = Child.start(join(import.meta.dirname, 'endless-upstream.js'));
const { url: upstreamUrl } = await upstream.next<{ url: string }>();
const { host, port, user, database } = postgres.connection;
const service = Child.start(join(ROOT, 'dist/src/main.js'), {
  isMeasured: true,
  environment: {
    NODE_ENV: 'production',
    PORT: '0',
    HOST: '127.0.0.1',
    DATABASE_URL: `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`,
    CREDENTIALS_KEYS: `bench:${Buffer.alloc(32, 7).toString('base64')}`,
    LOG_LEVEL: 'info',
    LOG_FORMAT: 'json',
  },
  output: log,
});
closeSync(log);
const client = new pg.Client(postgres.connection);
await client.connect();
try {
  const url = await untilReady(service, join(folder, 'log'));
  const worker = { ...taskWorker(upstreamUrl, 100_000, 'never', Number(intervalMs)) };
  await fetch(`${url}/api/server/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(worker),
  });
  const prompt = 'a film of a cat that walks through a long street in the rain at night, '.repeat(4);
  await client.query(
    `INSERT INTO job (id, model_name, worker_id, kind, state, request, kept, submits, submitted_at, queue_until, deadline_at, due_at)
     SELECT gen_random_uuid(), 'film', w.id, 'video', 'running', json_build_object('prompt', $3::text, 'messages', json_build_array()),
       json_build_object('TASK_ID', 'task-' || n), 1, now(), now() + interval '1 hour', now() + interval '1 day', now() + random() * $2 * interval '1 ms'
     FROM worker w, generate_series(1, $1::int) AS n`,
    [Number(jobs), Number(intervalMs), prompt],
  );
  await client.query('VACUUM ANALYZE job');
  await sleep(2 * Number(intervalMs));
  const before = await figures(url);
  await sleep(Number(seconds) * 1000);
  const after = await figures(url);
  await report(before, after);
} finally {
  await client.end();
  await service.stop();
  await upstream.stop();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}

async function figures(url: string): Promise<Figures> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const [row] = (
    await client.query<{ transactions: string; wal: string; updates: string; hot: string }>(
      `SELECT (SELECT sum(xact_commit) FROM pg_stat_database) AS transactions, pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal,
         n_tup_upd AS updates, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relname = 'job'`,
    )
  ).rows;
  const delays = [...metrics.matchAll(/^mmm_job_look_delay_seconds_bucket\{le="([^"]+)"\} (\d+)/gm)];
  return {
    atMs: performance.now(),
    looks: sumOf(metrics, /^mmm_job_looks_total\{.*\} (\d+)$/gm),
    transactions: Number(row?.transactions),
    walBytes: Number(row?.wal),
    updates: Number(row?.updates),
    hotUpdates: Number(row?.hot),
    serviceCpuMs: (await service.usage()).cpuMs,
    postgresCpuMs: cpuOf(postgres),
    delays: new Map(delays.map(([, le = '', count = '']) => [le, Number(count)])),
    delaySum: sumOf(metrics, /^mmm_job_look_delay_seconds_sum (\S+)$/gm),
  };
}

async function report(before: Figures, after: Figures): Promise<void> {
  const s = (after.atMs - before.atMs) / 1000;
  const of = (figure: 'looks' | 'transactions' | 'walBytes' | 'updates' | 'hotUpdates'): number =>
    after[figure] - before[figure];
  const looks = of('looks');
  const { rows } = await client.query<{ size: string }>(
    `SELECT pg_size_pretty(pg_total_relation_size('job')) AS size`,
  );
  const lines = {
    'running jobs': Number(jobs),
    'polled every': `${intervalMs} ms`,
    'looks a second': (looks / s).toFixed(1),
    'of those due': `${((looks / s / (Number(jobs) / (Number(intervalMs) / 1000))) * 100).toFixed(1)} %`,
    'transactions a second': (of('transactions') / s).toFixed(1),
    WAL: `${(of('walBytes') / s / 1024).toFixed(0)} KiB a second, ${(of('walBytes') / looks).toFixed(0)} bytes a look`,
    'HOT updates': `${((of('hotUpdates') / of('updates')) * 100).toFixed(0)} % of ${(of('updates') / looks).toFixed(2)} a look`,
    'CPU of the service': `${(((after.serviceCpuMs - before.serviceCpuMs) / s / 1000) * 100).toFixed(1)} % of a core`,
    'CPU of PostgreSQL': `${(((after.postgresCpuMs - before.postgresCpuMs) / s / 1000) * 100).toFixed(1)} % of a core`,
    'a look is late by': `${(((after.delaySum - before.delaySum) / looks) * 1000).toFixed(0)} ms on average, ${share(before, after, 0.99)} for 99 %`,
    'memory of the service': `${(await service.usage()).rssMiB.toFixed(0)} MiB`,
    'table job with indexes': rows[0]?.size,
  };
  for (const [name, value] of Object.entries(lines)) process.stdout.write(`${name.padEnd(24)} ${value}\n`);
}

/** The bucket below which this share of looks lies. */
function share(before: Figures, after: Figures, part: number): string {
  const count = (le: string): number => (after.delays.get(le) ?? 0) - (before.delays.get(le) ?? 0);
  const all = count('+Inf');
  const found = [...after.delays.keys()].find((le) => count(le) >= all * part) ?? '+Inf';
  return `at most ${found} s`;
}

function sumOf(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((sum, [, value = '0']) => sum + Number(value), 0);
}

/** The server and its children, those that have ended too. */
function cpuOf({ pid }: EmbeddedPostgres): number {
  let ticks = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = statOf(name);
    if (stat === null || (Number(name) !== pid && stat.parent !== pid)) continue;
    ticks += stat.ticks + (Number(name) === pid ? stat.childTicks : 0);
  }
  return (ticks / TICKS_A_SECOND) * 1000;
}

function statOf(name: string): { parent: number; ticks: number; childTicks: number } | null {
  try {
    const text = readFileSync(`/proc/${name}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [parent, own, ownSystem, childUser, childSystem] = [1, 11, 12, 13, 14].map((at) => fields[at] ?? 0);
    return {
      parent: parent ?? 0,
      ticks: (own ?? 0) + (ownSystem ?? 0),
      childTicks: (childUser ?? 0) + (childSystem ?? 0),
    };
  } catch {
    return null;
  }
}
