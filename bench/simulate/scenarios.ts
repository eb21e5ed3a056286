import { errorShare, goodput, p99Ms, shareOf } from './measures.js';
import { type Setup, type RunRecord, SLOTS } from './run-once.js';
import { type Behaviour, type Phase, HEALTHY } from './simulated-worker.js';

/** A figure that must be met. */
export interface Bar {
  readonly name: string;
  readonly unit: '×' | '%';
  readonly atMost?: number;
  readonly atLeast?: number;
  /** Must be more than this. */
  readonly above?: number;
  /** The oracle's record is there where `needsOracle`. */
  read(record: RunRecord, oracle: RunRecord): number;
}

export interface Scenario {
  readonly letter: string;
  readonly title: string;
  readonly setup: Setup;
  readonly needsOracle: boolean;
  readonly bars: readonly Bar[];
}

const WORKERS = 8;
const CAPACITY_PER_S = WORKERS * SLOTS;
const END_MS = 600_000;
/** By then queues are as they will be. */
const WARM_MS = 30_000;
const FAULT_MS = 60_000;
const ONE = 0;
const FAIR = 1 / WORKERS;

const always = (conduct: Partial<Behaviour>): readonly Phase[] => [
  { fromMs: 0, conduct: { ...HEALTHY, ...conduct } },
];
const from = (fromMs: number, conduct: Partial<Behaviour>): Phase => ({
  fromMs,
  conduct: { ...HEALTHY, ...conduct },
});
/** As many with that conduct, the others well. */
const some = (count: number, phases: readonly Phase[]): readonly (readonly Phase[])[] =>
  Array.from({ length: WORKERS }, (_, worker) => (worker < count ? phases : []));
/** The fastest there is of what they can do together. */
const perSecond = (load: number, workersWorth: number): number => load * workersWorth * SLOTS;

const slowerThanOracle = (atMost: number, fromMs = WARM_MS, untilMs = END_MS): Bar => ({
  name: 'p99 ÷ oracle',
  unit: '×',
  atMost,
  read: (record, oracle) => p99Ms(record, fromMs, untilMs) / p99Ms(oracle, fromMs, untilMs),
});
const itsShare = (atMost: number, fromMs = FAULT_MS, untilMs = END_MS, name = 'its share'): Bar => ({
  name,
  unit: '%',
  atMost,
  read: (record) => 100 * shareOf(record, [ONE], fromMs, untilMs),
});
const errors = (atMost: number, name: string, fromMs = 0): Bar => ({
  name,
  unit: '%',
  atMost,
  read: (record) => 100 * errorShare(record, fromMs, END_MS),
});

const FLAP_MS = 10_000;
const flapping = Array.from({ length: END_MS / FLAP_MS }, (_, turn) =>
  from(turn * FLAP_MS, turn % 2 === 1 ? { fault: '500' } : {}),
);

const SLOW_FROM_MS = 120_000;
const SLOW_UNTIL_MS = 240_000;

const GONE_MS = 60_000;
const BACK_MS = 120_000;
const COLD_MS = 10_000;
/** When it is in rotation again: for whom probes decide, when they say so. */
const backInRotation = ({ verdicts }: RunRecord): number =>
  verdicts.find(({ atMs, worker, health }) => worker === ONE && atMs > BACK_MS && health === 'warming')
    ?.atMs ?? BACK_MS;

export const SCENARIOS: readonly Scenario[] = [
  {
    letter: 'A',
    title: 'equal workers, 90 % busy',
    setup: { workers: some(0, []), perSecond: perSecond(0.9, 8), untilMs: END_MS },
    needsOracle: true,
    bars: [slowerThanOracle(1.15)],
  },
  {
    letter: 'A',
    title: 'the same, max_concurrency 8 given',
    setup: {
      workers: some(0, []),
      perSecond: perSecond(0.9, 8),
      untilMs: END_MS,
      service: { concurrencyLimit: SLOTS },
    },
    needsOracle: true,
    bars: [slowerThanOracle(1.15)],
  },
  {
    letter: 'B',
    title: 'one is 4× slower, 80 % busy',
    setup: { workers: some(1, always({ slowness: 4 })), perSecond: perSecond(0.8, 7.25), untilMs: END_MS },
    needsOracle: true,
    bars: [slowerThanOracle(1.15)],
  },
  {
    letter: 'C',
    title: 'half 1×, half 4×, no weights given',
    setup: { workers: some(4, always({ slowness: 4 })), perSecond: perSecond(0.8, 5), untilMs: END_MS },
    needsOracle: true,
    bars: [slowerThanOracle(1.25)],
  },
  {
    letter: 'D',
    title: 'one fails at once (5 ms, 500)',
    setup: {
      workers: some(1, [from(FAULT_MS, { fault: '500' })]),
      perSecond: perSecond(0.8, 7),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [itsShare(0.5), errors(0.01, 'errors callers see')],
  },
  ...[10_000, 300_000].map((patienceMs): Scenario => ({
    letter: 'E',
    title: `one accepts and never answers (first byte awaited ${patienceMs / 1000} s)`,
    setup: {
      workers: some(1, [from(FAULT_MS, { slowness: Infinity })]),
      perSecond: perSecond(0.8, 7),
      untilMs: END_MS,
      patienceMs,
    },
    needsOracle: false,
    bars: [itsShare(0.5)],
  })),
  {
    letter: 'F',
    title: 'one flaps, 10 s up, 10 s down',
    setup: {
      workers: some(1, flapping),
      perSecond: perSecond(0.8, 7),
      untilMs: END_MS,
      service: { retries: false },
    },
    needsOracle: false,
    bars: [errors(0.6, 'errors without retry')],
  },
  {
    letter: 'G',
    title: 'one fails 30 % of calls',
    setup: {
      workers: some(1, [from(FAULT_MS, { failShare: 0.3 })]),
      perSecond: perSecond(0.8, 7),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [itsShare(3)],
  },
  {
    letter: 'H',
    title: 'one turns 10× slow, later recovers',
    setup: {
      workers: some(1, [from(SLOW_FROM_MS, { slowness: 10 }), from(SLOW_UNTIL_MS, {})]),
      perSecond: perSecond(0.8, 7),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [
      itsShare(2, SLOW_FROM_MS, SLOW_UNTIL_MS, 'share then'),
      {
        name: 'share 60 s after, of fair',
        unit: '%',
        atLeast: 70,
        read: (record) =>
          (100 * shareOf(record, [ONE], SLOW_UNTIL_MS + 60_000, SLOW_UNTIL_MS + 120_000)) / FAIR,
      },
    ],
  },
  {
    letter: 'I',
    title: 'a cold worker returns',
    setup: {
      workers: some(1, [
        from(GONE_MS, { fault: 'refused' }),
        from(BACK_MS, { slowness: 4 }),
        from(BACK_MS + COLD_MS, {}),
      ]),
      perSecond: perSecond(0.8, 7),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [
      {
        name: 'share in the first 5 s',
        unit: '%',
        atMost: 12.5,
        read: (record) => 100 * shareOf(record, [ONE], backInRotation(record), backInRotation(record) + 5000),
      },
      {
        name: 'share in the first 10 s',
        unit: '%',
        above: 0,
        read: (record) =>
          100 * shareOf(record, [ONE], backInRotation(record), backInRotation(record) + 10_000),
      },
    ],
  },
  {
    letter: 'J',
    title: 'the default probe wrongly fails on 6 of 8',
    setup: {
      workers: some(6, [from(FAULT_MS, { probe: 'bad' })]),
      perSecond: perSecond(0.8, 8),
      untilMs: END_MS,
    },
    needsOracle: true,
    bars: [slowerThanOracle(1.5, FAULT_MS)],
  },
  {
    letter: 'J',
    title: '6 of 8 truly dead',
    setup: {
      workers: some(6, [from(FAULT_MS, { fault: 'refused' })]),
      perSecond: perSecond(0.8, 2),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [errors(1, 'errors', FAULT_MS)],
  },
  {
    letter: 'K',
    title: '2× overload',
    setup: { workers: some(0, []), perSecond: perSecond(2, 8), untilMs: 300_000 },
    needsOracle: false,
    bars: [
      {
        name: 'goodput (answers within 30 s) ÷ capacity',
        unit: '%',
        atLeast: 95,
        read: (record) => (100 * goodput(record, 30_000, WARM_MS, 300_000)) / CAPACITY_PER_S,
      },
    ],
  },
  {
    letter: 'L',
    title: 'light traffic (20 %), one 4× slower',
    setup: { workers: some(1, always({ slowness: 4 })), perSecond: perSecond(0.2, 7.25), untilMs: END_MS },
    needsOracle: true,
    bars: [slowerThanOracle(1.35)],
  },
  {
    letter: 'L',
    title: 'light traffic (20 %), all equal',
    setup: { workers: some(0, []), perSecond: perSecond(0.2, 8), untilMs: END_MS },
    needsOracle: false,
    bars: [
      {
        name: 'spread of shares',
        unit: '%',
        atMost: 15,
        read: (record) => {
          const off = Array.from({ length: WORKERS }, (_, worker) =>
            Math.abs(shareOf(record, [worker], WARM_MS, END_MS) / FAIR - 1),
          );
          return 100 * Math.max(...off);
        },
      },
    ],
  },
  {
    letter: 'M',
    title: 'all fail at once for 4 min',
    setup: {
      workers: some(WORKERS, [from(FAULT_MS, { fault: '500' }), from(FAULT_MS + 240_000, {})]),
      perSecond: perSecond(0.8, 8),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [errors(1, 'errors from 15 s after', FAULT_MS + 255_000)],
  },
];
