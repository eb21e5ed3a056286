import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Child } from '../child.js';
import type { LoadRequest, LoadResult, Target } from '../messages.js';
import { aligned } from '../simulate/table.js';
import { median, ratios, rotated } from '../statistics.js';
import { ALL_PEERS, isInstalled, PEERS } from './peers.js';
import { figuresOf } from './process-figures.js';
import { type RunningSystem, startBare, startPeer, startService } from './running-systems.js';

/**
 * `npm run bench:compare`: this service with keys, limits, usage, prices, health checks, metrics and a log line a request, beside
 * other gateways and a bare handler, in front of the same four workers: rounds in turn, CPU as Linux counts it. `--install`
 * fetches the peers first (npm and PyPI); those that are not there are left out.
 */
const { values: options } = parseArgs({
  options: {
    install: { type: 'boolean', default: false },
    /** By their names; all that are installed if left out. */
    peers: { type: 'string' },
    /** Only scenes whose titles hold this text. */
    scenes: { type: 'string', default: '' },
    rounds: { type: 'string', default: '9' },
    'slice-ms': { type: 'string', default: '400' },
    /** Whether to replace the figures in the page. */
    write: { type: 'boolean', default: false },
  },
});

const PAGE = 'docs/benchmarks.md';
const FIGURES = /(<!-- peers -->\n)[^]*(\n<!-- \/peers -->)/;
const WORKERS = 4;
/** A fresh process is slow for some thousand requests: its code is not compiled yet. */
const WARM_UP_MS = 4_000;

interface Scene {
  readonly title: string;
  readonly callers: number;
  /** How long an upstream thinks. */
  readonly delayMs: number;
  readonly bodyBytes: number;
}
const SCENES: readonly Scene[] = [
  { title: '1 caller', callers: 1, delayMs: 0, bodyBytes: 1_000 },
  { title: '32 callers', callers: 32, delayMs: 0, bodyBytes: 1_000 },
  { title: '256 callers', callers: 256, delayMs: 0, bodyBytes: 1_000 },
  { title: '32 callers, answers after 50 ms', callers: 32, delayMs: 50, bodyBytes: 1_000 },
  { title: '32 callers, prompts of 100 kB', callers: 32, delayMs: 0, bodyBytes: 100_000 },
  { title: '8 callers, prompts of 1 MB', callers: 8, delayMs: 0, bodyBytes: 1_000_000 },
];

interface Slice extends LoadResult {
  readonly cpuUs: number;
}

const chosen = options.peers?.split(',') ?? ALL_PEERS.map(({ name }) => name);
const wanted = ALL_PEERS.filter(({ name }) => chosen.includes(name));
if (options.install) {
  mkdirSync(PEERS, { recursive: true });
  for (const { install } of wanted)
    for (const [command = '', ...args] of install) execFileSync(command, args, { stdio: 'inherit' });
}
const peers = wanted.filter(isInstalled);
const absent = wanted.filter((peer) => !isInstalled(peer)).map(({ name }) => name);

const upstream = Child.start(fileURLToPath(new URL('../upstream.js', import.meta.url)), {
  args: [String(WORKERS)],
});
const { ports } = await upstream.next<{ ports: readonly number[] }>();
const load = Child.start(fileURLToPath(new URL('../load.js', import.meta.url)));
const systems: RunningSystem[] = [await startBare(ports), await startService(ports)];
const failed: string[] = [];
const stopAll = async (): Promise<void> => {
  await Promise.all([...systems.map((system) => system.stop()), upstream.stop(), load.stop()]);
};
process.once('SIGINT', () => void stopAll().finally(() => process.exit(130)));
try {
  for (const peer of peers)
    await startPeer(peer, ports).then(
      (system) => systems.push(system),
      (error: unknown) => failed.push(`${peer.name}: ${String(error)}`),
    );
  const idle = new Map(systems.map((system) => [system.name, figuresOf(system).rssMiB]));
  const [, usual] = SCENES;
  if (usual !== undefined) for (const system of systems) await slice(system, usual, WARM_UP_MS);
  const rows: string[][] = [];
  for (const scene of SCENES.filter(({ title }) => title.includes(options.scenes)))
    rows.push(...(await play(scene)));
  const after = new Map(systems.map((system) => [system.name, figuresOf(system).rssMiB]));
  const memory = systems.map(({ name, about, startMs }) => [
    name,
    about,
    startMs === null ? '–' : (startMs / 1_000).toFixed(1),
    (idle.get(name) ?? NaN).toFixed(0),
    (after.get(name) ?? NaN).toFixed(0),
  ]);
  const [cpu] = cpus();
  const text = [
    `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpu?.model}, ${process.platform}; ${options.rounds} rounds of ${options['slice-ms']} ms`,
    aligned([['through', 'what it is', 'first answer after s', 'idle MiB', 'MiB after'], ...memory]),
    aligned([['scene', 'through', 'CPU µs a request', '÷ bare', 'requests/s', 'p50 ms', 'p99 ms'], ...rows]),
    ...absent.map((name) => `Not installed: ${name}.`),
    ...failed.map((fault) => `Left out, ${fault}`),
  ].join('\n\n');
  console.log(`\n${text}\n`);
  if (options.write)
    writeFileSync(
      PAGE,
      readFileSync(PAGE, 'utf8').replace(FIGURES, (_all, before, after_) => `${before}\n${text}\n${after_}`),
    );
} finally {
  await stopAll();
}

/** @returns a row for each system */
async function play(scene: Scene): Promise<string[][]> {
  await upstream.request({ delayMs: scene.delayMs });
  const slices = new Map<string, Slice[]>(systems.map(({ name }) => [name, []]));
  for (const system of systems) await slice(system, scene, 1_500);
  for (let round = 0; round < Number(options.rounds); round += 1)
    for (const system of rotated(systems, round))
      slices.get(system.name)?.push(await slice(system, scene, Number(options['slice-ms'])));
  const of = (name: string, figure: keyof Slice): number[] =>
    (slices.get(name) ?? []).map((each) => each[figure]);
  return systems.map(({ name }, at) => [
    at === 0 ? scene.title : '',
    name,
    median(of(name, 'cpuUs')).toFixed(0),
    ratios(of(name, 'cpuUs'), of('bare', 'cpuUs')).median.toFixed(2),
    median(of(name, 'perSecond')).toFixed(0),
    median(of(name, 'p50Ms')).toFixed(2),
    median(of(name, 'p99Ms')).toFixed(2),
  ]);
}

async function slice(
  system: RunningSystem,
  { callers, bodyBytes }: Scene,
  durationMs: number,
): Promise<Slice> {
  const before = figuresOf(system).cpuMs;
  const target = targetOf(system, bodyBytes);
  const request: LoadRequest = { target, concurrency: callers, durationMs };
  const result = await load.request<LoadResult>(request);
  return { ...result, cpuUs: ((figuresOf(system).cpuMs - before) / result.requests) * 1_000 };
}

function targetOf({ url, headers, model }: RunningSystem, bytes: number): Target {
  const content = 'Tell me, in as few words as you can, what a benchmark is good for. '.repeat(bytes / 67);
  const body = JSON.stringify({ model, temperature: 0.7, messages: [{ role: 'user', content }] });
  return { url: `${url}/v1/chat/completions`, headers, body };
}
