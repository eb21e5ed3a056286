import type { Child } from '../child.js';
import type { Target } from '../messages.js';
import { median, ratios, rotated } from '../statistics.js';
import type { StreamRequest, StreamResult } from '../streams/messages.js';
import type { Behaviour } from '../upstream.js';
import type { Played } from './chat-scenes.js';
import { figuresOf } from './process-figures.js';
import type { RunningSystem } from './running-systems.js';

export interface StreamScene {
  readonly title: string;
  readonly streams: number;
}

export const STREAM_SCENES: readonly StreamScene[] = [
  { title: '100 streams', streams: 100 },
  { title: '1,000 streams', streams: 1_000 },
];

/** Of each stream, one every 50 ms. */
const CHUNKS = 40;
const ROUNDS = 3;

interface Slice extends StreamResult {
  readonly cpuUs: number;
}

/** Streams that begin within a second, through the systems in turn: CPU of a chunk, and how old it is when it arrives. */
export async function playStreams(
  { title, streams }: StreamScene,
  systems: readonly RunningSystem[],
  upstream: Child,
  load: Child,
): Promise<readonly Played[]> {
  await upstream.request({ delayMs: 0, chunks: CHUNKS } satisfies Behaviour);
  const slices = new Map<string, Slice[]>(systems.map(({ name }) => [name, []]));
  for (const system of systems) await slice(system, 50, load);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const system of rotated(systems, round))
      slices.get(system.name)?.push(await slice(system, streams, load));
  const of = (name: string, figure: keyof Slice): number[] =>
    (slices.get(name) ?? []).map((each) => each[figure]);
  return systems.map(({ name }) => ({
    scene: title,
    system: name,
    cpuUs: median(of(name, 'cpuUs')),
    perBare: ratios(of(name, 'cpuUs'), of('bare', 'cpuUs')).median,
    perSecond: median((slices.get(name) ?? []).map(({ chunks, seconds }) => chunks / seconds)),
    p50Ms: median(of(name, 'p50Ms')),
    p99Ms: median(of(name, 'p99Ms')),
    failed: of(name, 'failed').reduce((sum, each) => sum + each, 0),
  }));
}

async function slice(system: RunningSystem, streams: number, load: Child): Promise<Slice> {
  const before = figuresOf(system).cpuMs;
  const request: StreamRequest = { target: targetOf(system), streams };
  const result = await load.request<StreamResult>(request);
  return { ...result, cpuUs: ((figuresOf(system).cpuMs - before) / result.chunks) * 1_000 };
}

function targetOf({ url, headers, model }: RunningSystem): Target {
  const messages = [{ role: 'user', content: 'What is a benchmark good for?' }];
  const body = JSON.stringify({ model, stream: true, max_tokens: CHUNKS, messages });
  return {
    url: `${url}/v1/chat/completions`,
    headers: { 'content-type': 'application/json', ...headers },
    body,
  };
}
