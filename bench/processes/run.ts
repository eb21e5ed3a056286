import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres.js';
import { Child } from '../child.js';
import { figuresOf } from '../compare/process-figures.js';
import type { LoadRequest, LoadResult } from '../messages.js';
import { startFlags } from '../service.js';
import { aligned } from '../simulate/table.js';
import { type Started, startSystem } from '../start/system.js';
import { median, ratios, rotated } from '../statistics.js';
import { WAYS } from '../systems.js';
import type { Behaviour } from '../upstream.js';

/**
 * `npm run bench:processes`: a service of one process and one with PROCESSES=2, each with a PostgreSQL of its own, in front of workers
 * that take 50 ms. Callers send their next chat after each answer, so that the machine limits what is answered.
 */
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    callers: { type: 'string', default: '256' },
    processes: { type: 'string', default: '2' },
  },
});
const KEY = 'a-key-for-the-benchmark';
const HEADERS = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
const MODEL = 'bench';
const WORKERS = 4;
const DELAY_MS = 50;
const SLICE_MS = 3_000;
const WARM_UP_MS = 10_000;
const { path, body, worker } = WAYS.openai;

interface Running extends Started {
  readonly processes: number;
  readonly postgres: EmbeddedPostgres;
}

interface Slice extends LoadResult {
  readonly cpuUs: number;
  readonly cores: number;
  /** Of the upstream and the generator, which share the machine. */
  readonly otherCores: number;
}

const folder = mkdtempSync(join(tmpdir(), 'mmm-bench-'));
const output = openSync(join(folder, 'log'), 'a');
const upstream = Child.start(new URL('../upstream.js', import.meta.url).pathname, {
  args: [String(WORKERS)],
});
const { ports } = await upstream.next<{ ports: readonly number[] }>();
const load = Child.start(new URL('../load.js', import.meta.url).pathname);
const running: Running[] = [];

async function start(processes: number): Promise<Running> {
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, `${processes}`), durable: true });
  const { host, port, user, database } = postgres.connection;
  const environment = {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    ADMIN_API_KEY: KEY,
    AUTH: 'on',
    CREDENTIALS_KEYS: `bench:${Buffer.alloc(32, 7).toString('base64')}`,
    UPSTREAM_ALLOW_CIDRS: '127.0.0.1',
    LOG_FORMAT: 'json',
    DATABASE_DIRECT_URL: '',
    DATABASE_URL: `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`,
    DATA_DIR: join(folder, 'unused'),
    PROCESSES: String(processes),
  };
  const system = {
    name: `${processes} processes`,
    file: join(process.cwd(), 'dist/src/main.js'),
    nodeArgs: startFlags('.'),
    args: [],
    environment,
    readyPath: '/readyz',
    path,
    headers: HEADERS,
    body: body(MODEL),
  };
  const started = await startSystem(system, false, output);
  for (const upstreamPort of ports) {
    const registration = {
      model_name: MODEL,
      ...worker(`http://127.0.0.1:${upstreamPort}`),
      // Callers wait for a core, not for a slot.
      max_concurrency: 10_000,
    };
    const answer = await fetch(new URL('/api/server/register', started.target.url), {
      method: 'POST',
      headers: HEADERS,
      body: JSON.stringify(registration),
    });
    if (!answer.ok) throw new Error(`a worker was not registered: ${await answer.text()}`);
  }
  return { ...started, processes, postgres };
}

async function slice({ target, child: { pid } }: Running, durationMs: number): Promise<Slice> {
  const cpuMs = (): number => figuresOf({ pid, hasChildren: true }).cpuMs;
  const otherMs = (): number =>
    [upstream, load].reduce((sum, each) => sum + figuresOf({ pid: each.pid, hasChildren: false }).cpuMs, 0);
  const [before, othersBefore] = [cpuMs(), otherMs()];
  const startedMs = performance.now();
  const command: LoadRequest = { target, concurrency: Number(options.callers), durationMs };
  const result = await load.request<LoadResult>(command);
  const tookMs = performance.now() - startedMs;
  const usedMs = cpuMs() - before;
  return {
    ...result,
    cpuUs: (usedMs / result.requests) * 1_000,
    cores: usedMs / tookMs,
    otherCores: (otherMs() - othersBefore) / tookMs,
  };
}

try {
  await upstream.request({ delayMs: DELAY_MS, chunks: 0 } satisfies Behaviour);
  for (const processes of [1, Number(options.processes)]) running.push(await start(processes));
  for (const each of running) await slice(each, WARM_UP_MS);
  const slices = new Map(running.map(({ processes }) => [processes, [] as Slice[]]));
  for (let round = 0; round < Number(options.rounds); round += 1)
    for (const each of rotated(running, round)) slices.get(each.processes)?.push(await slice(each, SLICE_MS));

  const of = (processes: number, figure: keyof Slice): number[] =>
    (slices.get(processes) ?? []).map((each) => each[figure]);
  const row = (processes: number): string[] => [
    String(processes),
    ...(['perSecond', 'cpuUs', 'cores', 'otherCores', 'p50Ms', 'p99Ms'] as const).map((figure) => {
      const value = median(of(processes, figure));
      return value.toFixed(value < 10 ? 2 : 0);
    }),
  ];
  const ratio = (figure: keyof Slice): string => {
    const [one = [], more = []] = [...slices.keys()].map((processes) => of(processes, figure));
    const found = ratios(more, one);
    return `${found.median.toFixed(2)} (${found.from.toFixed(2)} to ${found.to.toFixed(2)})`;
  };
  const head = [
    'processes',
    'requests/s',
    'CPU µs a request',
    'cores',
    'cores of generator and upstream',
    'p50 ms',
    'p99 ms',
  ];
  const [cpu] = cpus();
  console.log(
    `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpu?.model}, ${options.callers} callers\n\n` +
      `${aligned([head, ...running.map(({ processes }) => row(processes))])}\n\n` +
      `${options.processes} ÷ 1: requests/s ${ratio('perSecond')}, CPU a request ${ratio('cpuUs')}`,
  );
} finally {
  await Promise.all(running.map(({ child }) => child.stop()));
  await Promise.all([load.stop(), upstream.stop(), ...running.map(({ postgres }) => postgres.stop())]);
  closeSync(output);
  rmSync(folder, { recursive: true, force: true });
}
