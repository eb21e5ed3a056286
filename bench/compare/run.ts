import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Child } from '../child.js';
import { aligned } from '../simulate/table.js';
import { CHAT_SCENES, ChatPlayer, type Played } from './chat-scenes.js';
import { ALL_PEERS, isInstalled, PEERS } from './peers.js';
import { drawComparison } from './plot.js';
import { figuresOf } from './process-figures.js';
import { type RunningSystem, startBare, startPeer, startService } from './running-systems.js';
import { playStreams, STREAM_SCENES } from './stream-scenes.js';

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
const DRAWING = 'benchmarks/compare.svg';
const FIGURES = /(<!-- peers -->\n)[^]*(\n<!-- \/peers -->)/;
const WORKERS = 4;
/** Drawn beside the tables; the others are in between. */
const DRAWN = [
  '32 callers',
  '32 callers, translated',
  '8 callers, prompts of 1 MB',
  '100 streams',
  '1,000 streams',
];

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
const streamLoad = Child.start(fileURLToPath(new URL('../streams/load.js', import.meta.url)));
const systems: RunningSystem[] = [await startBare(ports), await startService(ports)];
const failed: string[] = [];
const stopAll = async (): Promise<void> => {
  await Promise.all([
    ...systems.map((system) => system.stop()),
    upstream.stop(),
    load.stop(),
    streamLoad.stop(),
  ]);
};
process.once('SIGINT', () => void stopAll().finally(() => process.exit(130)));
try {
  for (const peer of peers)
    await startPeer(peer, ports).then(
      (system) => systems.push(system),
      (error: unknown) => failed.push(`${peer.name}: ${String(error)}`),
    );
  const idle = new Map(systems.map((system) => [system.name, figuresOf(system).rssMiB]));
  const player = new ChatPlayer(systems, upstream, load, {
    rounds: Number(options.rounds),
    sliceMs: Number(options['slice-ms']),
  });
  const isChosen = ({ title }: { readonly title: string }): boolean => title.includes(options.scenes);
  await player.warmUp();
  const chats: Played[] = [];
  for (const scene of CHAT_SCENES.filter(isChosen)) chats.push(...(await player.play(scene)));
  const streams: Played[] = [];
  for (const scene of STREAM_SCENES.filter(isChosen))
    streams.push(...(await playStreams(scene, systems, upstream, streamLoad)));
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
    ...(chats.length === 0 ? [] : [chatTable(chats)]),
    ...(streams.length === 0 ? [] : [streamTable(streams)]),
    ...absent.map((name) => `Not installed: ${name}.`),
    ...failed.map((fault) => `Left out, ${fault}`),
  ].join('\n\n');
  console.log(`\n${text}\n`);
  if (options.write) write(text, drawComparison([...chats, ...streams], DRAWN));
} finally {
  await stopAll();
}

function chatTable(played: readonly Played[]): string {
  return aligned([
    ['scene', 'through', 'CPU µs a request', '÷ bare', 'requests/s', 'p50 ms', 'p99 ms'],
    ...played.map((each, at) => cells(each, played[at - 1], 0)),
  ]);
}

function streamTable(played: readonly Played[]): string {
  return aligned([
    ['scene', 'through', 'CPU µs a chunk', '÷ bare', 'chunks/s', 'p50 ms', 'p99 ms', 'failed'],
    ...played.map((each, at) => [...cells(each, played[at - 1], 1), String(each.failed)]),
  ]);
}

function cells(each: Played, before: Played | undefined, digits: number): readonly string[] {
  return [
    each.scene === before?.scene ? '' : each.scene,
    each.system,
    figure(each.cpuUs, digits),
    figure(each.perBare, 2),
    figure(each.perSecond, 0),
    figure(each.p50Ms, 2),
    figure(each.p99Ms, 2),
  ];
}

/** @returns a dash where nothing was answered, so that there is no figure */
function figure(value: number, digits: number): string {
  return Number.isFinite(value) && value > 0 ? value.toFixed(digits) : '–';
}

function write(text: string, drawing: string): void {
  const path = join(dirname(PAGE), DRAWING);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, drawing);
  const image = `![CPU of each gateway beside a bare handler](${DRAWING})`;
  const page = readFileSync(PAGE, 'utf8');
  writeFileSync(
    PAGE,
    page.replace(FIGURES, (_all, begin, end) => `${begin}\n${text}\n\n${image}\n${end}`),
  );
}
