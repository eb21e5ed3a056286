import type { Child } from '../child.js';
import type { LoadRequest, LoadResult, Target } from '../messages.js';
import { median, ratios, rotated } from '../statistics.js';
import type { Behaviour } from '../upstream.js';
import { figuresOf } from './process-figures.js';
import type { RunningSystem } from './running-systems.js';

export interface ChatScene {
  readonly title: string;
  readonly callers: number;
  /** How long an upstream thinks. */
  readonly delayMs: number;
  readonly bodyBytes: number;
  /** Whether the workers have Anthropic's API. Systems that cannot translate are left out, all but the bare handler. */
  readonly isTranslated: boolean;
}

const USUAL: ChatScene = {
  title: '32 callers',
  callers: 32,
  delayMs: 0,
  bodyBytes: 1_000,
  isTranslated: false,
};
export const CHAT_SCENES: readonly ChatScene[] = [
  { ...USUAL, title: '1 caller', callers: 1 },
  USUAL,
  { ...USUAL, title: '256 callers', callers: 256 },
  { ...USUAL, title: '32 callers, answers after 50 ms', delayMs: 50 },
  { ...USUAL, title: '32 callers, translated', isTranslated: true },
  { ...USUAL, title: '32 callers, prompts of 100 kB', bodyBytes: 100_000 },
  { ...USUAL, title: '8 callers, prompts of 1 MB', callers: 8, bodyBytes: 1_000_000 },
];

/** One system in one scene. */
export interface Played {
  readonly scene: string;
  readonly system: string;
  /** CPU of a request, or of a chunk of a stream. */
  readonly cpuUs: number;
  readonly perBare: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
}

export interface Plan {
  readonly rounds: number;
  readonly sliceMs: number;
}

interface Slice extends LoadResult {
  readonly cpuUs: number;
}

/** A fresh process is slow for some thousand requests: its code is not compiled yet. */
const WARM_UP_MS = 15_000;
const BEFORE_SCENE_MS = 1_500;

/** Plays chats through systems in turn. */
export class ChatPlayer {
  constructor(
    private readonly systems: readonly RunningSystem[],
    private readonly upstream: Child,
    private readonly load: Child,
    private readonly plan: Plan,
  ) {}

  async warmUp(): Promise<void> {
    for (const system of this.systems) await this.slice(system, USUAL, WARM_UP_MS);
  }

  async play(scene: ChatScene): Promise<readonly Played[]> {
    const { rounds, sliceMs } = this.plan;
    await this.upstream.request({ delayMs: scene.delayMs, chunks: 0 } satisfies Behaviour);
    const playing = this.systems.filter(
      ({ name, translated }) => !scene.isTranslated || translated !== null || name === 'bare',
    );
    const slices = new Map<string, Slice[]>(playing.map(({ name }) => [name, []]));
    // Other code translates, which is cold before its first scene.
    const beforeMs = scene.isTranslated ? WARM_UP_MS : BEFORE_SCENE_MS;
    for (const system of playing) await this.slice(system, scene, beforeMs);
    for (let round = 0; round < rounds; round += 1)
      for (const system of rotated(playing, round))
        slices.get(system.name)?.push(await this.slice(system, scene, sliceMs));
    const of = (name: string, figure: keyof Slice): number[] =>
      (slices.get(name) ?? []).map((each) => each[figure]);
    return playing.map(({ name }) => ({
      scene: scene.title,
      system: name,
      cpuUs: median(of(name, 'cpuUs')),
      perBare: ratios(of(name, 'cpuUs'), of('bare', 'cpuUs')).median,
      perSecond: median(of(name, 'perSecond')),
      p50Ms: median(of(name, 'p50Ms')),
      p99Ms: median(of(name, 'p99Ms')),
      failed: 0,
    }));
  }

  private async slice(system: RunningSystem, scene: ChatScene, durationMs: number): Promise<Slice> {
    const before = figuresOf(system).cpuMs;
    const target = targetOf(system, scene);
    const request: LoadRequest = { target, concurrency: scene.callers, durationMs };
    const result = await this.load.request<LoadResult>(request);
    return { ...result, cpuUs: ((figuresOf(system).cpuMs - before) / result.requests) * 1_000 };
  }
}

function targetOf(system: RunningSystem, { bodyBytes, isTranslated }: ChatScene): Target {
  // The bare handler passes on.
  const { model, headers } = (isTranslated ? system.translated : null) ?? system;
  const content = 'Tell me, in as few words as you can, what a benchmark is good for. '.repeat(
    bodyBytes / 67,
  );
  const body = JSON.stringify({ model, temperature: 0.7, messages: [{ role: 'user', content }] });
  return { url: `${system.url}/v1/chat/completions`, headers, body };
}
