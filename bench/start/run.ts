import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.js';
import { Child } from '../child.js';
import { startFlags } from '../service.js';
import { median, quantile, rotated } from '../statistics.js';
import type { BurstRequest, BurstResult } from './burst.js';
import { type Started, startSystem, type System } from './system.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    /** Of a process, before its memory is read. */
    'idle-s': { type: 'string', default: '10' },
    streams: { type: 'string', default: '1000' },
    /** The folder of another build of the service to compare with. */
    baseline: { type: 'string' },
  },
});
const KEY = 'a-key-for-the-benchmark';
const MODEL = 'bench';
const HEADERS = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
const BURST_MS = 1_000;
const FIRST = 100;

/** Of one round of one system. */
interface Measured {
  readonly readyMs: number;
  readonly firstAnswerMs: number;
  readonly cpuMs: number;
  readonly rssMiB: number;
  readonly heapMiB: number;
  readonly first100: readonly number[];
  readonly all: readonly number[];
  readonly failed: number;
}

const beside = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'mmm-bench-'));
const output = openSync(join(folder, 'log'), 'a');
const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), durable: true });
const { host, port, user, database } = postgres.connection;
const databaseUrl = `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`;
const upstream = Child.start(beside('upstream.js'));
const {
  ports: [upstreamPort],
} = await upstream.next<{ ports: readonly [number] }>();
const origin = `http://127.0.0.1:${upstreamPort}`;
const generator = Child.start(beside('burst.js'));
let running: Child[] = [];

function serviceOf(name: string, checkout: string, environment: Readonly<Record<string, string>>): System {
  return {
    name,
    file: resolve(checkout, 'dist/src/main.js'),
    nodeArgs: startFlags(checkout),
    args: [],
    environment: {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      ADMIN_API_KEY: KEY,
      CREDENTIALS_KEYS: `bench:${Buffer.alloc(32, 7).toString('base64')}`,
      AUTH: 'on',
      UPSTREAM_ALLOW_CIDRS: '127.0.0.1',
      LOG_FORMAT: 'json',
      DATABASE_DIRECT_URL: '',
      ...environment,
    },
    readyPath: '/readyz',
    path: '/v1/chat/completions',
    headers: HEADERS,
    body: JSON.stringify({
      model: MODEL,
      stream: true,
      messages: [{ role: 'user', content: 'What is a benchmark?' }],
    }),
  };
}

const withDatabase = { DATABASE_URL: databaseUrl, DATA_DIR: join(folder, 'unused') };
const own = serviceOf('service', '.', withDatabase);
const embedded = serviceOf('service, embedded PostgreSQL', '.', {
  DATABASE: 'embedded',
  DATABASE_URL: '',
  DATA_DIR: join(folder, 'data'),
});
const systems: readonly System[] = [
  {
    ...own,
    name: 'bare node:http + undici',
    file: beside('../streams/bare.js'),
    nodeArgs: [],
    args: [origin],
    environment: {},
    readyPath: null,
  },
  own,
  ...(options.baseline === undefined ? [] : [serviceOf('baseline', options.baseline, withDatabase)]),
  embedded,
];

async function start(system: System, sendsChat: boolean): Promise<Started> {
  const started = await startSystem(system, sendsChat, output);
  running.push(started.child);
  return started;
}

/** Migrates, and registers the worker that later starts find. */
async function prepare(system: System): Promise<void> {
  const { child, target } = await start(system, false);
  const answer = await fetch(new URL('/api/server/register', target.url), {
    method: 'POST',
    headers: HEADERS,
    body: JSON.stringify({
      model_name: MODEL,
      protocol: 'openai',
      req_url_template: `${origin}/v1`,
      max_concurrency: 10_000,
      health_check: { kind: 'none' },
    }),
  });
  if (!answer.ok) throw new Error(`the worker was not registered: ${await answer.text()}`);
  await child.stop();
}

async function stopAll(): Promise<void> {
  await Promise.all(running.map((child) => child.stop()));
  running = [];
}

/** Each system once for its start and its memory, and once for the streams that arrive as soon as it is ready. */
async function measureRound(round: number): Promise<ReadonlyMap<string, Measured>> {
  const starts = new Map<string, Started>();
  for (const system of rotated(systems, round)) starts.set(system.name, await start(system, true));
  await sleep(Number(options['idle-s']) * 1_000);
  const idle = new Map<string, Awaited<ReturnType<Child['usage']>>>();
  for (const [name, { child }] of starts) idle.set(name, await child.usage());
  await stopAll();

  const measured = new Map<string, Measured>();
  for (const system of rotated(systems, round)) {
    const { target } = await start(system, false);
    const { firstByteMs } = await generator.request<BurstResult>({
      target,
      streams: Number(options.streams),
      withinMs: BURST_MS,
    } satisfies BurstRequest);
    await stopAll();
    const ofStart = starts.get(system.name);
    const ofIdle = idle.get(system.name);
    if (ofStart === undefined || ofIdle === undefined) throw new Error(`${system.name} was not started`);
    measured.set(system.name, {
      readyMs: ofStart.readyMs,
      firstAnswerMs: ofStart.firstAnswerMs ?? NaN,
      cpuMs: ofStart.usage.cpuMs,
      rssMiB: ofIdle.rssMiB,
      heapMiB: ofIdle.heapMiB,
      first100: firstByteMs.slice(0, FIRST).filter((ms) => ms !== null),
      all: firstByteMs.filter((ms) => ms !== null),
      failed: firstByteMs.filter((ms) => ms === null).length,
    });
  }
  return measured;
}

const rounds: ReadonlyMap<string, Measured>[] = [];
process.once('SIGINT', () => void stopAll().finally(() => process.exit(130)));
try {
  await prepare(own);
  await prepare(embedded);
  for (let round = 0; round < Number(options.rounds); round++) rounds.push(await measureRound(round));
} finally {
  await stopAll();
  await Promise.all([upstream.stop(), generator.stop(), postgres.stop()]);
  closeSync(output);
  rmSync(folder, { recursive: true, force: true });
}

const HEAD = [
  'process',
  'ready ms',
  'first answer ms',
  'CPU ms',
  'RSS MiB idle',
  'heap MiB idle',
  `p50 of ${FIRST}`,
  'p99',
  `p50 of ${options.streams}`,
  'p99',
  'failed',
];
const rows = systems.map(({ name }) => {
  const of = (figure: (measured: Measured) => number): string => {
    const value = median(rounds.flatMap((round) => round.get(name) ?? []).map(figure));
    return value < 10 ? value.toFixed(1) : value.toFixed(0);
  };
  return [
    name,
    of(({ readyMs }) => readyMs),
    of(({ firstAnswerMs }) => firstAnswerMs),
    of(({ cpuMs }) => cpuMs),
    of(({ rssMiB }) => rssMiB),
    of(({ heapMiB }) => heapMiB),
    of(({ first100 }) => quantile(first100, 0.5)),
    of(({ first100 }) => quantile(first100, 0.99)),
    of(({ all }) => quantile(all, 0.5)),
    of(({ all }) => quantile(all, 0.99)),
    of(({ failed }) => failed),
  ];
});
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const [cpu] = cpus();
console.log(
  `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpu?.model}\n`,
);
console.log(
  [line(HEAD), line(HEAD.map((_, at) => (at === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n'),
);
