import {
  errors,
  evenShares,
  fairShare,
  from,
  itsShare,
  perSecond,
  type Scenario,
  shareOnceBack,
  slowerThanOracle,
  some,
  WORKERS,
} from './bars.js';
import { goodput } from './measures.js';
import { SLOTS } from './run-once.js';
import { SLOT_SCENARIOS } from './slot-scenarios.js';

const CAPACITY_PER_S = WORKERS * SLOTS;
const END_MS = 600_000;
/** The time after which queues have their usual length. */
const WARM_MS = 30_000;
const FAULT_MS = 60_000;

const FLAP_MS = 10_000;
const flapping = Array.from({ length: END_MS / FLAP_MS }, (_, turn) =>
  from(turn * FLAP_MS, turn % 2 === 1 ? { fault: '500' } : {}),
);

const SLOW_FROM_MS = 120_000;
const SLOW_UNTIL_MS = 240_000;
const BACK_MS = 120_000;

const oracleFrom = (atMost: number, fromMs = WARM_MS) => slowerThanOracle(atMost, fromMs, END_MS);
const shareFromFault = (atMost: number) => itsShare(atMost, FAULT_MS, END_MS);
const allErrors = (atMost: number, name: string, fromMs = 0) => errors(atMost, name, fromMs, END_MS);

/** In the order of the table that is printed. The file is long because it is one list. */
export const SCENARIOS: readonly Scenario[] = [
  {
    letter: 'A',
    title: 'equal workers, 90 % busy',
    setup: { workers: some(0), perSecond: perSecond(0.9, 8), untilMs: END_MS },
    needsOracle: true,
    bars: [oracleFrom(1.15)],
  },
  {
    letter: 'A',
    title: 'the same, max_concurrency 8 given',
    setup: {
      workers: some(0),
      perSecond: perSecond(0.9, 8),
      untilMs: END_MS,
      service: { concurrencyLimit: SLOTS },
    },
    needsOracle: true,
    bars: [oracleFrom(1.15)],
  },
  {
    letter: 'B',
    title: 'one is 4× slower, 80 % busy',
    setup: {
      workers: some(1, from(0, { relativeLatency: 4 })),
      perSecond: perSecond(0.8, 7.25),
      untilMs: END_MS,
    },
    needsOracle: true,
    bars: [oracleFrom(1.15)],
  },
  {
    letter: 'C',
    title: 'half 1×, half 4×, no weights given',
    setup: {
      workers: some(4, from(0, { relativeLatency: 4 })),
      perSecond: perSecond(0.8, 5),
      untilMs: END_MS,
    },
    needsOracle: true,
    bars: [oracleFrom(1.25)],
  },
  {
    letter: 'D',
    title: 'one fails at once (5 ms, 500)',
    setup: {
      workers: some(1, from(FAULT_MS, { fault: '500' })),
      perSecond: perSecond(0.8, 7),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [shareFromFault(0.5), allErrors(0.01, 'errors clients see')],
  },
  ...[10_000, 300_000].map((patienceMs): Scenario => ({
    letter: 'E',
    title: `one accepts and never answers (first byte awaited ${patienceMs / 1000} s)`,
    setup: {
      workers: some(1, from(FAULT_MS, { relativeLatency: Infinity })),
      perSecond: perSecond(0.8, 7),
      untilMs: END_MS,
      patienceMs,
    },
    needsOracle: false,
    bars: [shareFromFault(0.5)],
  })),
  {
    letter: 'F',
    title: 'one flaps, 10 s up, 10 s down',
    setup: {
      workers: some(1, ...flapping),
      perSecond: perSecond(0.8, 7),
      untilMs: END_MS,
      service: { retries: false },
    },
    needsOracle: false,
    bars: [allErrors(0.6, 'errors without retry')],
  },
  {
    letter: 'G',
    title: 'one fails 30 % of calls',
    setup: {
      workers: some(1, from(FAULT_MS, { failShare: 0.3 })),
      perSecond: perSecond(0.8, 7),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [shareFromFault(3)],
  },
  {
    letter: 'H',
    title: 'one turns 10× slow, later recovers',
    setup: {
      workers: some(1, from(SLOW_FROM_MS, { relativeLatency: 10 }), from(SLOW_UNTIL_MS, {})),
      perSecond: perSecond(0.8, 7),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [
      itsShare(2, SLOW_FROM_MS, SLOW_UNTIL_MS, 'share then'),
      fairShare(70, 'share 60 s after, of fair', [SLOW_UNTIL_MS + 60_000, SLOW_UNTIL_MS + 120_000]),
    ],
  },
  {
    letter: 'I',
    title: 'a worker returns and stays cold for 60 s',
    setup: {
      workers: some(
        1,
        from(FAULT_MS, { fault: 'refused' }),
        from(BACK_MS, { relativeLatency: 4 }),
        from(BACK_MS + 60_000, {}),
      ),
      perSecond: perSecond(0.8, 7),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [shareOnceBack({ atMost: 12.5 }, BACK_MS, 5_000), shareOnceBack({ above: 0 }, BACK_MS, 10_000)],
  },
  {
    letter: 'J',
    title: 'the default probe wrongly fails on 6 of 8',
    setup: {
      workers: some(6, from(FAULT_MS, { probe: 'bad' })),
      perSecond: perSecond(0.8, 8),
      untilMs: END_MS,
    },
    needsOracle: true,
    bars: [oracleFrom(1.5, FAULT_MS)],
  },
  {
    letter: 'J',
    title: '6 of 8 truly dead',
    setup: {
      workers: some(6, from(FAULT_MS, { fault: 'refused' })),
      perSecond: perSecond(0.8, 2),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [allErrors(1, 'errors', FAULT_MS)],
  },
  {
    letter: 'K',
    title: '2× overload',
    setup: { workers: some(0), perSecond: perSecond(2, 8), untilMs: 300_000 },
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
    setup: {
      workers: some(1, from(0, { relativeLatency: 4 })),
      perSecond: perSecond(0.2, 7.25),
      untilMs: END_MS,
    },
    needsOracle: true,
    bars: [oracleFrom(1.35)],
  },
  {
    letter: 'L',
    title: 'light traffic (20 %), all equal',
    setup: { workers: some(0), perSecond: perSecond(0.2, 8), untilMs: END_MS },
    needsOracle: false,
    bars: [evenShares(15, WARM_MS, END_MS)],
  },
  {
    letter: 'M',
    title: 'all fail at once for 4 min',
    setup: {
      workers: some(WORKERS, from(FAULT_MS, { fault: '500' }), from(FAULT_MS + 240_000, {})),
      perSecond: perSecond(0.8, 8),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [allErrors(1, 'errors from 15 s after', FAULT_MS + 255_000)],
  },
  ...[4_000, 20_000].map((downMs): Scenario => {
    // 20 s of one worker vary by ± 11 % by chance, so it leaves and returns five times.
    const returnsMs = [60_000, 170_000, 280_000, 390_000, 500_000];
    return {
      letter: 'Z',
      title: `one is refused for ${downMs / 1000} s, five times, 70 % busy`,
      setup: {
        workers: some(
          1,
          ...returnsMs.flatMap((backMs) => [from(backMs - downMs, { fault: 'refused' }), from(backMs, {})]),
        ),
        perSecond: perSecond(0.7, 8),
        untilMs: END_MS,
      },
      needsOracle: false,
      bars: [
        allErrors(0, 'errors clients see'),
        fairShare(
          80,
          'share 5–25 s after, of fair',
          ...returnsMs.map((backMs) => [backMs + 5_000, backMs + 25_000] as const),
        ),
      ],
    };
  }),
  ...[1, 3, 8].flatMap((workers) =>
    [0.02, 0.05, 0.2].map((poisonedShare): Scenario => ({
      letter: 'AA',
      title: `${workers} workers, ${100 * poisonedShare} % of prompts fail everywhere`,
      setup: {
        workers: Array.from({ length: workers }, () => []),
        perSecond: perSecond(0.6, workers),
        untilMs: END_MS,
        poisonedShare,
      },
      needsOracle: false,
      bars: [
        allErrors(0, 'errors of the others'),
        { name: 'ejections', unit: '', atMost: 0, read: ({ ejections }) => ejections },
      ],
    })),
  ),
  {
    letter: 'AB',
    title: 'one fails at once beside 5 % of such prompts',
    setup: {
      workers: some(1, from(FAULT_MS, { fault: '500' })),
      perSecond: perSecond(0.6, 7),
      untilMs: END_MS,
      poisonedShare: 0.05,
    },
    needsOracle: false,
    bars: [shareFromFault(0.5), allErrors(0.01, 'errors of the others')],
  },
  {
    letter: 'AC',
    title: '3 of 8 fail at once',
    setup: {
      workers: some(3, from(FAULT_MS, { fault: '500' })),
      perSecond: perSecond(0.6, 5),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [allErrors(0.05, 'errors clients see')],
  },
  {
    letter: 'AD',
    title: '6 of 8 fail at once',
    setup: {
      workers: some(6, from(FAULT_MS, { fault: '500' })),
      perSecond: perSecond(0.6, 2),
      untilMs: END_MS,
    },
    needsOracle: false,
    bars: [allErrors(1, 'errors from 5 s after', FAULT_MS + 5_000)],
  },
  ...SLOT_SCENARIOS,
];
