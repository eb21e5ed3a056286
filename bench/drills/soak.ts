import { mkdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Memory } from '../observed.js';
import type { ReplicaProcess } from '../replica-process.js';
import { aligned } from '../simulate/table.js';
import { chatWorker, drain, filmWorker, register, remove, Site, submitJob, WORKER_KEY } from './site.js';
import { growthOf, type Reading } from './slope.js';
import { byKind, Traffic } from './traffic.js';

/**
 * `npm run bench:soak -- --minutes 30`: two replicas at half the capacity of their workers, while workers and models come and
 * go, jobs run, and some workers fail. Reads memory, files, connections and series every 10 s. Ends with 1 if one of them
 * grows (see slope.ts) or a call fails.
 */
const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    /** A folder for heap snapshots of the first replica: after the warm-up, and at the end. */
    snapshots: { type: 'string' },
  },
});
const forMs = Number(options.minutes) * 60_000;
const READ_MS = 10_000;
/** Caches fill first: the first fifth does not count. */
const WARM_UP = 0.2;
const MODEL_EVERY_MS = 4_000;
const MODEL_LIVES_MS = 40_000;
const PASSING_MODELS = 24;
const WORKER_EVERY_MS = 7_000;
const WORKER_LIVES_MS = 30_000;
const JOB_EVERY_MS = 1_500;

/** The share an hour, and the least growth, of each figure that counts as one. */
const LIMITS: Readonly<Record<string, readonly [share: number, atLeast: number]>> = {
  'heap MiB': [0.1, 2],
  'RSS MiB': [0.2, 16],
  'outside the heap MiB': [0.2, 4],
  files: [0.1, 4],
  connections: [0.1, 3],
  series: [0.1, 20],
};

const site = await Site.open(16);
const { ports } = site;
const replicas = [1, 2].map((n) => site.replica(`replica ${n}`, { isObserved: true }));
const readings = new Map<string, Reading[]>();
const stopping = new AbortController();
const models = new Map<string, string>([
  ['chat', ''],
  ['mixed', ''],
  ['secret', ''],
]);
let turn = 0;
let made = 0;
let jobs = 0;
const anyUrl = (): string => replicas[(turn += 1) % replicas.length]?.url ?? '';

try {
  await Promise.all(replicas.map((replica) => replica.ready()));
  const cap = { max_concurrency: 3 };
  for (const port of ports.slice(0, 4)) await register(anyUrl(), chatWorker('chat', port, '/steady', cap));
  for (const [at, path] of ['/steady', '/steady', '/flaky', '/phased'].entries())
    await register(anyUrl(), chatWorker('mixed', ports[4 + at] ?? 0, path, cap));
  for (const port of ports.slice(8, 10))
    await register(
      anyUrl(),
      chatWorker('secret', port, '/secret', { ...cap, header: { authorization: WORKER_KEY } }),
    );
  await register(anyUrl(), filmWorker(ports[10] ?? 0));
  const traffic = new Traffic({
    url: anyUrl,
    models: () => [...models.keys()],
    wholeEveryMs: 120,
    streamEveryMs: 600,
  });
  const startedMs = performance.now();
  const churn = [
    every(MODEL_EVERY_MS, modelComesAndGoes),
    every(WORKER_EVERY_MS, workerComesAndGoes),
    every(JOB_EVERY_MS, async () => void (await submitJob(anyUrl(), `a film, number ${(jobs += 1)}`))),
  ];
  let isSnapshot = false;
  while (performance.now() - startedMs < forMs) {
    await sleep(READ_MS);
    const atS = (performance.now() - startedMs) / 1_000;
    await read(atS);
    if (!isSnapshot && atS * 1_000 >= forMs * WARM_UP) {
      isSnapshot = true;
      await snapshot('begin');
    }
  }
  await snapshot('end');
  stopping.abort();
  await Promise.all(churn);
  const tally = await traffic.stop();
  const ends = await site.query<{ state: string; n: number }>(
    `SELECT coalesce(error_code, state) AS state, count(*)::int AS n FROM job GROUP BY 1`,
  );
  const [cpu] = cpus();
  console.log(
    `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpu?.model}, ${options.minutes} minutes, two replicas\n\n` +
      `${tally.whole} whole calls and ${tally.streams} streams, ${tally.failures.length} failed; ${made} models and workers came and went; ` +
      `jobs: ${ends.map(({ state, n }) => `${n} ${state}`).join(', ')}\n\n${table()}`,
  );
  for (const line of byKind(tally.failures)) console.log(line);
  for (const line of site.complaints().slice(0, 20)) console.log(`complaint: ${line}`);
  if (tally.failures.length > 0) process.exitCode = 1;
} finally {
  stopping.abort();
  await site.close();
}

/** Until the soak ends. What fails is reported, and the rest goes on. */
async function every(ms: number, act: () => Promise<void>): Promise<void> {
  const running: Promise<void>[] = [];
  while (!stopping.signal.aborted) {
    await sleep(ms, undefined, { signal: stopping.signal }).catch(() => {});
    if (!stopping.signal.aborted) running.push(act().catch((error: unknown) => fail(error)));
  }
  await Promise.all(running);
}

function fail(error: unknown): void {
  console.error(new Date().toISOString(), error);
  process.exitCode = 1;
}

async function modelComesAndGoes(): Promise<void> {
  // Names come back, as those of real models do.
  const name = `passing-${(made += 1) % PASSING_MODELS}`;
  const id = await register(
    anyUrl(),
    chatWorker(name, ports[11 + (made % 2)] ?? 0, '/steady', { max_concurrency: 8 }),
  );
  // The other replica learns of it by NOTIFY.
  await sleep(1_000);
  models.set(name, id);
  await sleep(MODEL_LIVES_MS);
  models.delete(name);
  // Running streams end first.
  await sleep(10_000);
  await remove(anyUrl(), id);
}

async function workerComesAndGoes(): Promise<void> {
  made += 1;
  const at = `/steady/${made}`;
  const id = await register(anyUrl(), chatWorker('chat', ports[13] ?? 0, at, { max_concurrency: 2 }));
  await sleep(WORKER_LIVES_MS);
  await drain(anyUrl(), id);
  await sleep(20_000);
  await remove(anyUrl(), id);
}

async function read(atS: number): Promise<void> {
  for (const replica of replicas) {
    const series = await seriesOf(replica);
    const memory = await replica.ask<Memory>('memory');
    const note = (figure: string, value: number): void => {
      const name = `${replica.name}: ${figure}`;
      const known = readings.get(name);
      if (known === undefined) readings.set(name, [{ atS, value }]);
      else known.push({ atS, value });
    };
    note('heap MiB', memory.heapUsed / 2 ** 20);
    note('RSS MiB', memory.rss / 2 ** 20);
    note('outside the heap MiB', (memory.external + memory.arrayBuffers) / 2 ** 20);
    note('files', memory.files);
    note('series', series);
  }
  const known = readings.get('both: connections') ?? [];
  readings.set('both: connections', [...known, { atS, value: await site.connections() }]);
}

async function seriesOf({ url }: ReplicaProcess): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
}

async function snapshot(name: string): Promise<void> {
  if (options.snapshots === undefined) return;
  mkdirSync(options.snapshots, { recursive: true });
  await replicas[0]?.ask('snapshot', join(options.snapshots, `${name}.heapsnapshot`));
}

function table(): string {
  const rows = [...readings].map(([name, all]) => {
    const counted = all.filter(({ atS }) => atS * 1_000 >= forMs * WARM_UP);
    const [share, atLeast] = LIMITS[name.slice(name.indexOf(': ') + 2)] ?? [0, 0];
    const { grown, from, to, isFlat } = growthOf(counted, share, atLeast);
    if (!isFlat) process.exitCode = 1;
    return [name, from.toFixed(1), to.toFixed(1), grown.toFixed(1), isFlat ? 'flat' : '**grows**'];
  });
  return aligned([['figure', 'least', 'most', 'grown by its slope', ''], ...rows]);
}
