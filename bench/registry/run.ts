import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { migrate } from '../../src/database/migrate.js';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.js';
import { Child } from '../child.js';
import type { Memory, Turns } from '../observed.js';
import { ReplicaProcess } from '../replica-process.js';
import { aligned } from '../simulate/table.js';
import { ApiCalls } from './api-calls.js';
import { firstPages, insertPast, repeated } from './first-pages.js';
import { databaseWork, insertWorkers } from './fleet.js';

/**
 * `npm run bench:registry`: how one replica bears a large registry. Each step says how long it took, and how long the event
 * loop was busy with one turn meanwhile. Ends with 1 if a turn took more than `--limit-ms` of CPU time.
 */
const { values: options } = parseArgs({
  options: {
    workers: { type: 'string', default: '10000' },
    models: { type: 'string', default: '2000' },
    origins: { type: 'string', default: '2000' },
    'interval-ms': { type: 'string', default: '5000' },
    /** How long probes, and later probes and calls, are measured. */
    seconds: { type: 'string', default: '30' },
    'limit-ms': { type: 'string', default: '50' },
    /** Only first pages of lists, as the console reads them. */
    pages: { type: 'boolean', default: false },
    /** A folder for a CPU profile of each step. */
    profile: { type: 'string' },
  },
});
const [workers, models, origins, intervalMs, seconds, limitMs] = [
  options.workers,
  options.models,
  options.origins,
  options['interval-ms'],
  options.seconds,
  options['limit-ms'],
].map(Number) as [number, number, number, number, number, number];
const ROOT = join(import.meta.dirname, '../../..');
/** What a statement causes here is over by then. */
const FOLLOWS_MS = 2_000;

const folder = mkdtempSync(join(tmpdir(), 'mmm-registry-'));
if (options.profile !== undefined) mkdirSync(options.profile, { recursive: true });
const postgres = await startEmbeddedPostgres({ dataDir: folder, durable: true, maxConnections: 60 });
const upstream = Child.start(join(import.meta.dirname, 'upstream.js'), { args: [String(origins)] });
const { ports } = await upstream.next<{ ports: readonly number[] }>();
const replica = new ReplicaProcess(
  'the replica',
  {
    root: ROOT,
    cwd: folder,
    tuning: {},
    isObserved: true,
    environment: { HEALTH_INTERVAL_MS: String(intervalMs) },
  },
  () => postgres,
);
const client = new pg.Client(postgres.connection);
await client.connect();
const api = new ApiCalls(() => replica.url);
const rows: string[][] = [];
let longest = 0;

try {
  await migrate(postgres.connection, 'public');
  await insertWorkers(client, { workers, models, ports });
  const startedMs = performance.now();
  replica.start();
  await replica.ready();
  const readyMs = performance.now() - startedMs;
  // The observer begins with its first answer: the start itself is measured by what follows it.
  await replica.ask<Turns>('turns');
  rows.push(['start until ready', `${readyMs.toFixed(0)} ms`, '', '', '', '']);
  await step('first probe of each', () => untilProbed(300_000));
  await insertPast(client);
  for (const path of await firstPages(client)) await step(`GET ${path}`, () => repeated(() => api.get(path)));
  if (!options.pages) await everything();
  const { rss, heapUsed } = await replica.ask<Memory>('memory');
  print(`RSS ${mib(rss)}, heap after a collection ${mib(heapUsed)}`);
} finally {
  await replica.end('SIGTERM');
  await client.end();
  await postgres.stop();
  await upstream.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}
process.exitCode = longest > limitMs || replica.complaints.length > 0 ? 1 : 0;

async function everything(): Promise<void> {
  await step(`${seconds} s of probes and resyncs`, () => probes());
  await step('resync of all rows, nothing changed', () => sleep(10_500), 'within 10 s');
  await lists();
  await step('1,000 chats on 1,000 models', () => api.chats(Math.min(1_000, models)));
  await step('scrape of /metrics after them', () => api.get('/metrics'));
  await step('10 scrapes under chats', async () => {
    const scraping = (async () => {
      for (let at = 0; at < 10; at++) await api.get('/metrics');
    })();
    const [chatted] = await Promise.all([api.chats(500), scraping]);
    return chatted;
  });
  await step('UPDATE of all rows by hand', () => massChange('weight = weight % 100 + 1'));
  await step('the same again, under chats', async () => {
    const [changed] = await Promise.all([massChange('weight = weight % 100 + 1'), api.chats(500)]);
    return changed;
  });
  await step('all disabled, all enabled again by hand', async () => {
    await client.query(`UPDATE worker SET admin_state = 'disabled'`);
    await untilAll('disabled');
    await client.query(`UPDATE worker SET admin_state = 'enabled'`);
    await untilAll('enabled');
  });
  await step('a credential in clear text in 1,000 rows by hand', sealMany);
  await step('one registration by the API', () => api.register(ports[0] ?? 0));
  await step('DELETE of half of the rows by hand', async () => {
    await client.query(`DELETE FROM worker WHERE id IN (SELECT id FROM worker LIMIT $1)`, [workers / 2]);
    await sleep(2_000);
  });
}

/** Runs `act` and notes what it did to the event loop. @param note in place of its duration */
async function step(name: string, act: () => Promise<unknown>, note?: string): Promise<void> {
  if (options.profile !== undefined) await replica.ask('profile');
  const before = await replica.ask<Turns>('turns');
  const startedMs = performance.now();
  const found = await act();
  const tookMs = performance.now() - startedMs;
  // What it caused may follow: notifications gather for 50 ms.
  await sleep(500);
  const turns = await replica.ask<Turns>('turns');
  if (options.profile !== undefined)
    await replica.ask('profiled', join(options.profile, `${name.replaceAll(/\W+/g, '-')}.cpuprofile`));
  longest = Math.max(longest, turns.longestCpuMs);
  const detail = typeof found === 'string' ? `, ${found}` : '';
  rows.push([
    name,
    `${note ?? `${tookMs.toFixed(0)} ms`}${detail}`,
    (turns.cpuMs - before.cpuMs).toFixed(0),
    turns.longestCpuMs.toFixed(0),
    turns.maxMs.toFixed(0),
    turns.p99Ms.toFixed(1),
  ]);
  process.stderr.write(`${rows.at(-1)?.join(' | ')}\n`);
}

async function lists(): Promise<void> {
  for (const path of ['/health', '/metrics', '/api/server/workers', '/api/server/workers?detail=true'])
    await step(`GET ${path}`, () => api.get(path));
  for (const path of ['/api/v1/workers', '/api/v1/models'])
    await step(`GET ${path}, all pages of 200`, () => api.allPages(path));
  const { rows: found } = await client.query<{ id: string }>('SELECT id FROM worker LIMIT 1');
  await step('GET …/events of a worker', () => api.get(`/api/v1/workers/${found[0]?.id}/events?limit=200`));
  await step('GET /v1/models', () => api.get('/v1/models'));
}

async function untilProbed(withinMs: number): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (performance.now() < endMs) {
    const { rows: left } = await client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM worker WHERE health = 'unknown'`,
    );
    if (left[0]?.n === 0) return;
    await sleep(250);
  }
  throw new Error('not all workers were probed in time');
}

async function probes(): Promise<string> {
  const before = await databaseWork(client);
  await sleep(seconds * 1_000);
  const after = await databaseWork(client);
  const each = (figure: keyof typeof after): string =>
    ((after[figure] - before[figure]) / seconds).toFixed(0);
  const { rows: late } = await client.query<{ ms: number }>(
    `SELECT greatest(0, max(extract(epoch FROM now() - next_probe_at) * 1000))::float8 AS ms FROM worker_probe`,
  );
  return (
    `${each('updates')} rows/s, ${each('transactions')} transactions/s, ` +
    `WAL ${(Number(each('walBytes')) / 1024).toFixed(0)} KiB/s, latest probe ${late[0]?.ms.toFixed(0)} ms late`
  );
}

/** Waits until the replica has read what its notifications name. @returns how long the statement took */
async function massChange(set: string): Promise<string> {
  const startedMs = performance.now();
  await client.query(`UPDATE worker SET ${set}`);
  const tookMs = performance.now() - startedMs;
  await sleep(FOLLOWS_MS);
  return `statement ${tookMs.toFixed(0)} ms`;
}

/** Until /health, which reads memory, shows that all workers are disabled, or none is. */
async function untilAll(state: 'disabled' | 'enabled'): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (performance.now() < endMs) {
    const { workers: states } = (await (await fetch(`${replica.url}/health`)).json()) as {
      workers: Record<string, number>;
    };
    const disabled = states['disabled'] ?? 0;
    if (state === 'disabled' ? disabled >= workers : disabled === 0) return;
    await sleep(50);
  }
  throw new Error(`the replica did not see that all workers are ${state}`);
}

async function sealMany(): Promise<string> {
  await client.query(
    `UPDATE worker SET header = '{"authorization": "Bearer in clear text"}' WHERE id IN (SELECT id FROM worker LIMIT 1000)`,
  );
  const endMs = performance.now() + 300_000;
  let slowestMs = 0;
  while (performance.now() < endMs) {
    const startedMs = performance.now();
    await api.get('/api/v1/workers?limit=1');
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    const { rows: left } = await client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM worker WHERE header IS NOT NULL`,
    );
    if (left[0]?.n === 0) return `slowest read of the API meanwhile ${slowestMs.toFixed(0)} ms`;
    await sleep(200);
  }
  throw new Error('not all credentials were sealed in time');
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

function print(memory: string): void {
  const head = ['step', 'took', 'CPU ms', 'longest turn, CPU ms', 'longest delay ms', 'p99 ms'];
  const [cpu] = cpus();
  console.log(
    `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpu?.model}, ` +
      `${workers} workers in ${models} models on ${origins} origins, probed every ${intervalMs} ms\n\n${aligned([head, ...rows])}\n\n${memory}`,
  );
  for (const line of replica.complaints) console.log(`complaint: ${line}`);
}
