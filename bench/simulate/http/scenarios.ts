import { errorShare, p99Ms, shareOf } from '../measures.js';
import { type Setup, type RunRecord, SLOTS } from '../run-once.js';
import type { Bar, Scenario } from '../scenarios.js';
import { type Behaviour, type Phase, HEALTHY } from '../simulated-worker.js';

/**
 * The scenarios of `npm run simulate`, each cut down to a minute or two of its own time. The bars are those of ten
 * minutes: what it costs to find out is a larger share of a short play.
 */

const WORKERS = 8;
const FAIR = 1 / WORKERS;
const END_MS = 60_000;
const LONG_MS = 120_000;
const WARM_MS = 10_000;
const FAULT_MS = 20_000;
const ONE = 0;

const from = (fromMs: number, conduct: Partial<Behaviour>): Phase => ({
  fromMs,
  conduct: { ...HEALTHY, ...conduct },
});
/** One has that conduct, the others are well. */
const one = (...phases: readonly Phase[]): readonly (readonly Phase[])[] =>
  Array.from({ length: WORKERS }, (_, worker) => (worker === ONE ? phases : []));
const perSecond = (load: number, workersWorth: number): number => load * workersWorth * SLOTS;

const slowerThanOracle = (atMost: number, untilMs = END_MS): Bar => ({
  name: 'p99 ÷ oracle',
  unit: '×',
  atMost,
  read: (record, oracle) => p99Ms(record, WARM_MS, untilMs) / p99Ms(oracle, WARM_MS, untilMs),
});
const itsShare = (atMost: number, fromMs = FAULT_MS, untilMs = END_MS, name = 'its share'): Bar => ({
  name,
  unit: '%',
  atMost,
  read: (record) => 100 * shareOf(record, [ONE], fromMs, untilMs),
});
const errors = (atMost: number, name = 'errors callers see', untilMs = END_MS): Bar => ({
  name,
  unit: '%',
  atMost,
  read: (record) => 100 * errorShare(record, 0, untilMs),
});

const SLOW_UNTIL_MS = 40_000;
const GONE_UNTIL_MS = 60_000;
const BACK_AND_USED_MS = 110_000;
const LIGHT_MS = 90_000;
const FLAPPING_MS = 80_000;
const COLD_MS = 10_000;
const FLAP_MS = 10_000;
const flapping = Array.from({ length: FLAPPING_MS / FLAP_MS }, (_, turn) =>
  from(turn * FLAP_MS, turn % 2 === 1 ? { fault: '500' } : {}),
);

const backInRotation = ({ verdicts }: RunRecord): number =>
  verdicts.find(({ atMs, worker, health }) => atMs > GONE_UNTIL_MS && worker === ONE && health === 'warming')
    ?.atMs ?? GONE_UNTIL_MS;
const shareOnceBack = (bar: Pick<Bar, 'atMost'> | Pick<Bar, 'above'>, forMs: number): Bar => ({
  name: `share in the first ${forMs / 1000} s`,
  unit: '%',
  ...bar,
  read: (record) => {
    const backMs = backInRotation(record);
    return 100 * shareOf(record, [ONE], backMs, backMs + forMs);
  },
});

const play = (
  workers: Setup['workers'],
  load: number,
  workersWorth: number,
  more: Partial<Setup> = {},
): Setup => ({ workers, perSecond: perSecond(load, workersWorth), untilMs: END_MS, ...more });

export const HTTP_SCENARIOS: readonly Scenario[] = [
  {
    letter: 'A',
    title: 'equal workers, 90 % busy',
    setup: play(one(), 0.9, 8),
    needsOracle: true,
    bars: [slowerThanOracle(1.15)],
  },
  {
    letter: 'B',
    title: 'one is 4× slower, 80 % busy',
    setup: play(one(from(0, { slowness: 4 })), 0.8, 7.25),
    needsOracle: true,
    bars: [slowerThanOracle(1.15)],
  },
  {
    letter: 'D',
    title: 'one fails at once (5 ms, 500)',
    setup: play(one(from(FAULT_MS, { fault: '500' })), 0.8, 7),
    needsOracle: false,
    bars: [itsShare(0.5), errors(0.01)],
  },
  {
    letter: 'E',
    title: 'one accepts and never answers (first byte awaited 10 s)',
    setup: play(one(from(FAULT_MS, { slowness: Infinity })), 0.8, 7, { patienceMs: 10_000 }),
    needsOracle: false,
    bars: [itsShare(0.5), errors(1)],
  },
  {
    letter: 'G',
    title: 'one fails 30 % of calls',
    setup: play(one(from(FAULT_MS, { failShare: 0.3 })), 0.8, 7),
    needsOracle: false,
    bars: [itsShare(3), errors(0.01)],
  },
  {
    letter: 'H',
    title: 'one turns 10× slow, later recovers',
    setup: play(one(from(FAULT_MS, { slowness: 10 }), from(SLOW_UNTIL_MS, {})), 0.8, 7, { untilMs: LONG_MS }),
    needsOracle: false,
    bars: [
      itsShare(2, FAULT_MS, SLOW_UNTIL_MS, 'share then'),
      {
        name: 'share 60 s after, of fair',
        unit: '%',
        atLeast: 70,
        read: (record) => (100 * shareOf(record, [ONE], SLOW_UNTIL_MS + 60_000, LONG_MS)) / FAIR,
      },
    ],
  },
  {
    letter: 'I',
    title: 'a cold worker returns',
    setup: play(
      one(
        from(FAULT_MS, { fault: 'refused' }),
        from(GONE_UNTIL_MS, { slowness: 4 }),
        from(GONE_UNTIL_MS + COLD_MS, {}),
      ),
      0.8,
      7,
      { untilMs: BACK_AND_USED_MS },
    ),
    needsOracle: false,
    bars: [
      errors(0.01, 'errors callers see', BACK_AND_USED_MS),
      shareOnceBack({ atMost: 12.5 }, 5_000),
      shareOnceBack({ above: 0 }, 10_000),
    ],
  },
  {
    letter: 'L',
    title: 'light traffic (20 %), one 4× slower',
    setup: play(one(from(0, { slowness: 4 })), 0.2, 7.25),
    needsOracle: true,
    bars: [slowerThanOracle(1.35)],
  },
  {
    letter: 'L',
    title: 'light traffic (20 %), all equal',
    setup: play(one(), 0.2, 8, { untilMs: LIGHT_MS }),
    needsOracle: false,
    bars: [
      {
        name: 'spread of shares',
        unit: '%',
        atMost: 15,
        read: (record) => {
          const off = Array.from({ length: WORKERS }, (_, worker) =>
            Math.abs(shareOf(record, [worker], WARM_MS, LIGHT_MS) / FAIR - 1),
          );
          return 100 * Math.max(...off);
        },
      },
    ],
  },
  // The last: the service is started anew for it.
  {
    letter: 'F',
    title: 'one flaps, 10 s up, 10 s down',
    setup: play(one(...flapping), 0.8, 7, { untilMs: FLAPPING_MS, service: { retries: false } }),
    needsOracle: false,
    bars: [errors(0.6, 'errors without retry', FLAPPING_MS)],
  },
];
