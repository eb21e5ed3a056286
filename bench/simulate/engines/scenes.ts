import { type AffinityBound, prefixAffinityWithin } from '../../../src/balancing/policies/prefix-affinity.js';
import type { Policy } from '../../../src/balancing/policies/policy.js';
import { POLICIES } from '../../../src/balancing/policies/strategies.js';
import { type Bar, some } from '../bars.js';
import { mean, type Measurement } from '../measurements.js';
import { REPLICAS } from '../run-once.js';
import { aligned } from '../table.js';
import type { VirtualTime } from '../virtual-time.js';
import { type Conversation, conversations } from './conversations.js';
import type { Engine } from './engine.js';
import { play, type PlayRecord } from './play.js';
import { EngineOracle, type EngineRouter, Replicas, UNBOUNDED } from './systems.js';

interface EngineBar extends Omit<Bar, 'read'> {
  readonly value: (record: PlayRecord, oracle: PlayRecord) => number;
}

interface Scene {
  readonly title: string;
  /** 1: what `least_load` can take. */
  readonly load: number;
  readonly alikeShare: number;
  /** Of the first engine; the others have 1. */
  readonly slowness: number;
  readonly bars: readonly EngineBar[];
}

type System = (engines: readonly Engine[], time: VirtualTime, seed: number) => EngineRouter;

const LETTER = 'V';
const ENGINES = 8;
/** Conversations that begin in a second; with 3.2 the queues of `least_load` grow without end. */
const PER_SECOND = 3;
/** By then, as many conversations end as begin. */
const FROM_MS = 240_000;
const UNTIL_MS = 540_000;

/** Percent of the tokens of prompts, in points. */
const hits = (atLeast: number): EngineBar => ({
  name: 'cache hits − oracle, points',
  unit: '%',
  atLeast,
  value: (its, oracle) => 100 * (its.cachedShare - oracle.cachedShare),
});
const firstToken = (atMost: number): EngineBar => ({
  name: 'first token p99 ÷ oracle',
  unit: '×',
  atMost,
  value: (its, oracle) => p99(its.firstTokenMs) / p99(oracle.firstTokenMs),
});
const answer = (atMost: number): EngineBar => ({
  name: 'answer p99 ÷ oracle',
  unit: '×',
  atMost,
  value: (its, oracle) => p99(its.answerMs) / p99(oracle.answerMs),
});
const busiest = (atMost: number): EngineBar => ({
  name: 'requests of the busiest ÷ mean',
  unit: '×',
  atMost,
  value: (its) => its.busiest,
});

const PLAIN = { load: 0.8, alikeShare: 0, slowness: 1 };
const SCENES: readonly Scene[] = [
  { ...PLAIN, title: 'conversations, 50 % busy', load: 0.5, bars: [hits(-3), firstToken(1.3)] },
  { ...PLAIN, title: 'conversations, 80 % busy', bars: [hits(-3), firstToken(1.3)] },
  { ...PLAIN, title: 'conversations, 95 % busy', load: 0.95, bars: [hits(-3), firstToken(1.3)] },
  { ...PLAIN, title: 'conversations, 1.5× overload', load: 1.5, bars: [hits(-3), firstToken(1.5)] },
  {
    ...PLAIN,
    title: 'a fifth of the chats begin alike, 80 % busy',
    alikeShare: 0.2,
    bars: [hits(-3), firstToken(1.5), busiest(2)],
  },
  {
    ...PLAIN,
    title: 'all chats begin alike, 80 % busy',
    alikeShare: 1,
    bars: [hits(-5), firstToken(2.5), busiest(2.5)],
  },
  { ...PLAIN, title: 'one engine is 3× slower, 80 % busy', slowness: 3, bars: [hits(-3), answer(1.4)] },
];

const service =
  (policy: Policy<unknown>): System =>
  (_engines, time, seed) =>
    new Replicas({ engines: ENGINES, replicas: REPLICAS }, policy, time, seed);
const oracle: System = (engines, _time, seed) => new EngineOracle(engines, seed);

const SYSTEMS: Readonly<Record<string, System>> = {
  least_load: service(POLICIES.least_load),
  consistent_hash: service(POLICIES.consistent_hash),
  'hash of the conversation, no bound': service(UNBOUNDED),
  prefix_affinity: service(POLICIES.prefix_affinity),
  oracle,
};

/** The scenes of conversations, by their letter; all of them where there are none. */
export function measureConversations(
  letters: readonly string[],
  seeds: readonly number[],
): readonly Measurement[] {
  if (letters.length > 0 && !letters.includes(LETTER)) return [];
  return SCENES.flatMap((scene) => {
    const { title, bars } = scene;
    process.stderr.write(`${LETTER} ${title}\n`);
    const pairs = seeds.map((seed) => ({
      its: record(scene, service(POLICIES.prefix_affinity), seed),
      oracles: record(scene, oracle, seed),
    }));
    // The table reads letter and title only.
    const setup = { workers: some(0), perSecond: 0, untilMs: UNTIL_MS };
    const scenario = { letter: LETTER, title, setup, needsOracle: true, bars: [] };
    return bars.map(({ value, ...bar }) => ({
      scenario,
      bar: { ...bar, read: () => Number.NaN },
      service: pairs.map(({ its, oracles }) => value(its, oracles)),
      routers: new Map(),
    }));
  });
}

/** Each system in each scene: tokens from a cache, p99 of the first token, p99 of the answer; means of the seeds. */
export function conversationsTable(seeds: readonly number[]): string {
  return compared(SYSTEMS, seeds);
}

/** The same for other bounds of `prefix_affinity`: so many times the fair share, and so many more. */
export function boundsTable(seeds: readonly number[]): string {
  const bounds: readonly AffinityBound[] = [1.25, 1.5, 2, 3].flatMap((timesFair) =>
    [0, 2, 4, 8].map((more) => ({ timesFair, more })),
  );
  return compared(
    Object.fromEntries(
      bounds.map((bound) => [
        `${bound.timesFair} × mean + ${bound.more}`,
        service(prefixAffinityWithin(bound)),
      ]),
    ),
    seeds,
  );
}

function compared(systems: Readonly<Record<string, System>>, seeds: readonly number[]): string {
  const rows = Object.entries(systems).map(([name, system]) => {
    process.stderr.write(`${LETTER} ${name}\n`);
    return [name, ...SCENES.map((scene) => cellOf(seeds.map((seed) => record(scene, system, seed))))];
  });
  return aligned([['', ...SCENES.map(({ title }) => title)], ...rows]);
}

function cellOf(records: readonly PlayRecord[]): string {
  const hitShare = mean(records.map(({ cachedShare }) => cachedShare));
  const firstMs = mean(records.map(({ firstTokenMs }) => p99(firstTokenMs)));
  const wholeMs = mean(records.map(({ answerMs }) => p99(answerMs)));
  return `${(100 * hitShare).toFixed(0)} % · ${(firstMs / 1000).toFixed(2)} s · ${(wholeMs / 1000).toFixed(1)} s`;
}

function record({ load, alikeShare, slowness }: Scene, system: System, seed: number): PlayRecord {
  const engines = Array.from({ length: ENGINES }, (_, at) => (at === 0 ? slowness : 1));
  const all = conversationsOf(load, alikeShare, seed);
  return play({ slowness: engines, fromMs: FROM_MS, untilMs: UNTIL_MS }, all, (its, time) =>
    system(its, time, seed),
  );
}

/** Made once: their keys are most of the work. */
const made = new Map<string, readonly Conversation[]>();

function conversationsOf(load: number, alikeShare: number, seed: number): readonly Conversation[] {
  const name = `${load} ${alikeShare} ${seed}`;
  const traffic = { perSecond: PER_SECOND * load, untilMs: UNTIL_MS, replicas: REPLICAS, alikeShare };
  const all = made.get(name) ?? conversations(traffic, seed);
  made.set(name, all);
  return all;
}

function p99(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
}
