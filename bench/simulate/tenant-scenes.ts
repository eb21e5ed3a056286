import { type Bar, some } from './bars.js';
import { BATCH, CHAT, p99 } from './classes.js';
import type { Measurement } from './measurements.js';
import { runTenants, type Source, type TenantRecord, type TenantScene } from './tenants.js';

const END_MS = 900_000;
const CHANGE_MS = 120_000;

interface TenantBar extends Omit<Bar, 'read'> {
  readonly value: (records: readonly TenantRecord[]) => number;
}

interface Titled extends TenantScene {
  readonly letter: string;
  readonly title: string;
  readonly bars: readonly TenantBar[];
}

const tokens = (count: number) => () => ({ firstMs: CHAT.firstMs, tokens: count });
const times = (count: number, source: Source): readonly Source[] =>
  Array.from({ length: count }, () => source);

const FAIR: TenantBar = {
  name: 'share beside the fair one, worst tenant',
  unit: '%',
  atMost: 3,
  value: (records) => Math.max(...records.map(({ share, fair }) => 100 * Math.abs(share / fair - 1))),
};
const WORST_MINUTE: TenantBar = {
  name: 'a minute beside it, points',
  unit: '',
  atMost: 6,
  value: (records) =>
    Math.max(...records.flatMap(({ minutes, fair }) => minutes.map((part) => 100 * Math.abs(part - fair)))),
};
const refusedOf = (at: readonly number[]): TenantBar => ({
  name: "the others' refused",
  unit: '%',
  atMost: 1,
  value: (records) =>
    Math.max(...at.map((source) => (100 * (records[source]?.refused ?? 0)) / (records[source]?.sent ?? 1))),
});
const waitOf = (source: number, atMost: number): TenantBar => ({
  name: 'p99 of their wait, ms',
  unit: '',
  atMost,
  value: (records) => p99(records[source]?.waitsMs ?? []),
});

const room = { workers: 8, slots: 8, untilMs: END_MS };
const three = { ...room, replicas: 3, untilMs: 600_000 };
const MINUTE_MS = 60_000;
const nextEachMinute = (first: number) => (atMs: number) => (first + Math.floor(atMs / MINUTE_MS)) % 3;
const even = (_: number, chance: number): number => Math.floor(3 * chance);
const uneven = (_: number, chance: number): number => (chance < 0.7 ? 0 : chance < 0.9 ? 1 : 2);
/** Replicas have whole slots: of 64, three tenants have 22, 21 and 21. */
const WHOLE_SLOTS: TenantBar = { ...FAIR, atMost: 4 };
const IN_USE: TenantBar = {
  name: 'room in use',
  unit: '%',
  atLeast: 95,
  value: (records) => records.reduce((sum, { share }) => sum + 100 * share, 0),
};

/** Tenants that share the slots of a model, at one replica. */
const SCENES: readonly Titled[] = [
  {
    ...room,
    letter: 'N',
    title: 'tenants 10:1:1, 2× overload',
    sources: [{ load: 20 / 12 }, { load: 2 / 12 }, { load: 2 / 12 }],
    bars: [FAIR, refusedOf([1, 2])],
  },
  {
    ...room,
    letter: 'N',
    title: 'tenants 10:1:1, 6× overload',
    sources: [{ load: 5 }, { load: 0.5 }, { load: 0.5 }],
    bars: [FAIR],
  },
  {
    ...room,
    letter: 'N',
    title: 'weights 1:2:1, 4.5× overload',
    sources: [{ load: 1.5 }, { load: 1.5, weight: 2 }, { load: 1.5 }],
    bars: [FAIR],
  },
  {
    ...room,
    letter: 'O',
    title: 'answers of 50 and of 1,000 tokens, 64 slots',
    sources: [
      { connections: 100, lengths: tokens(50) },
      { connections: 100, lengths: tokens(1000) },
    ],
    bars: [FAIR, WORST_MINUTE],
  },
  {
    ...room,
    letter: 'O',
    title: 'answers that change from 50 to 1,000 tokens',
    sources: [
      { connections: 100, lengths: (atMs) => tokens(Math.floor(atMs / CHANGE_MS) % 2 === 0 ? 50 : 1000)() },
      { connections: 100, lengths: tokens(200) },
    ],
    bars: [FAIR, WORST_MINUTE],
  },
  {
    workers: 1,
    slots: 1,
    untilMs: 6 * END_MS,
    letter: 'O',
    title: 'answers of 50 and of 1,000 tokens, one slot',
    sources: [
      { connections: 10, lengths: tokens(50) },
      { connections: 10, lengths: tokens(1000) },
    ],
    bars: [FAIR],
  },
  {
    ...room,
    untilMs: END_MS / 3,
    letter: 'S',
    title: 'a tenant with 1,000 connections',
    sources: [{ connections: 1000 }, { load: 0.2 }, { load: 0.2, priority: 'interactive' }],
    bars: [refusedOf([1, 2]), waitOf(1, 3_400), FAIR],
  },
  {
    ...room,
    untilMs: END_MS / 3,
    letter: 'S',
    title: 'the same, all of it interactive',
    sources: [
      { connections: 1000, priority: 'interactive' },
      { load: 0.2 },
      { load: 0.2, priority: 'interactive' },
    ],
    bars: [refusedOf([1, 2]), waitOf(1, 3_400), FAIR],
  },
  {
    ...three,
    letter: 'P',
    title: 'three replicas, a tenant at each, 1:1:1, 3× overload',
    sources: [0, 1, 2].map((replica) => ({ load: 1, replicaAt: () => replica })),
    bars: [WHOLE_SLOTS, IN_USE],
  },
  {
    ...three,
    letter: 'P',
    title: 'the same with demand 3:1:1',
    sources: [3, 1, 1].map((load, replica) => ({ load, replicaAt: () => replica })),
    bars: [WHOLE_SLOTS, IN_USE],
  },
  {
    ...three,
    letter: 'P',
    title: 'the same with weights 3:1',
    sources: [
      { load: 2, weight: 3, replicaAt: () => 0 },
      { load: 2, replicaAt: () => 1 },
    ],
    bars: [WHOLE_SLOTS, IN_USE],
  },
  {
    ...three,
    letter: 'P',
    title: 'two tenants, 3:1, both at the replicas 70:20:10',
    sources: [
      { load: 1.5, replicaAt: uneven },
      { load: 0.5, replicaAt: uneven },
    ],
    bars: [WHOLE_SLOTS, IN_USE],
  },
  {
    ...three,
    letter: 'P',
    title: 'tenants that move to the next replica each minute',
    sources: [
      { load: 1.5, replicaAt: nextEachMinute(0) },
      { load: 1, replicaAt: nextEachMinute(1) },
      { load: 1, replicaAt: nextEachMinute(1) },
    ],
    bars: [WHOLE_SLOTS, IN_USE],
  },
  {
    ...three,
    letter: 'Q',
    title: 'chats at 30 % beside bulk without end, three replicas',
    sources: [
      { load: 0.3, priority: 'interactive', replicaAt: even },
      { connections: 120, priority: 'bulk', lengths: () => BATCH, replicaAt: even },
    ],
    bars: [{ ...refusedOf([0]), name: 'chats refused', atMost: 0 }, waitOf(0, 2_000), IN_USE],
  },
  {
    ...three,
    letter: 'S',
    title: 'a tenant with 1,000 connections at one of three replicas',
    sources: [{ connections: 1000 }, { load: 0.2, replicaAt: () => 1 }, { load: 0.2, replicaAt: uneven }],
    untilMs: 300_000,
    bars: [refusedOf([1, 2]), waitOf(1, 3_400), WHOLE_SLOTS, IN_USE],
  },
  {
    ...room,
    letter: 'T',
    title: 'three of eight tenants call all their work interactive',
    sources: [...times(3, { load: 0.25, priority: 'interactive' }), ...times(5, { load: 0.25 })],
    bars: [FAIR],
  },
  {
    workers: 1,
    slots: 8,
    untilMs: END_MS,
    letter: 'T',
    title: 'chats of one of 20 tenants with too much work, 8 slots',
    sources: [{ load: 0.02, priority: 'interactive', as: 1 }, ...times(20, { connections: 5 })],
    bars: [
      { ...refusedOf([0]), name: 'chats refused', atMost: 5 },
      { ...waitOf(0, 10_900), name: 'p99 of the wait of its chats, ms' },
    ],
  },
];

/** The scenes of tenants, by their letters; all of them where there are none. */
export function measureTenants(letters: readonly string[], seeds: readonly number[]): readonly Measurement[] {
  return SCENES.filter(({ letter }) => letters.length === 0 || letters.includes(letter)).flatMap((scene) => {
    process.stderr.write(`${scene.letter} ${scene.title}\n`);
    const records = seeds.map((seed) => runTenants(scene, seed));
    const { letter, title } = scene;
    // The table reads letter and title only.
    const setup = { workers: some(0), perSecond: 0, untilMs: scene.untilMs };
    const scenario = { letter, title, setup, needsOracle: false, bars: [] };
    return scene.bars.map(({ value, ...bar }) => ({
      scenario,
      bar: { ...bar, read: () => Number.NaN },
      service: records.map(value),
      routers: new Map(),
    }));
  });
}
