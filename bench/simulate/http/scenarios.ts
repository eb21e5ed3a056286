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
} from '../bars.js';
import type { Setup } from '../run-once.js';

/**
 * The scenarios of `npm run simulate`, each shortened to a minute or two of its own time. The bars are those of ten
 * minutes: the time to detect a fault is a larger share of a short run.
 */

const END_MS = 60_000;
const LONG_MS = 120_000;
const WARM_MS = 10_000;
const FAULT_MS = 20_000;
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

const setup = (
  workers: Setup['workers'],
  load: number,
  workersWorth: number,
  more: Partial<Setup> = {},
): Setup => ({ workers, perSecond: perSecond(load, workersWorth), untilMs: END_MS, ...more });
const oracleAtMost = (atMost: number, untilMs = END_MS) => slowerThanOracle(atMost, WARM_MS, untilMs);
const shareFromFault = (atMost: number) => itsShare(atMost, FAULT_MS, END_MS);
const allErrors = (atMost: number, name = 'errors clients see', untilMs = END_MS) =>
  errors(atMost, name, 0, untilMs);

export const HTTP_SCENARIOS: readonly Scenario[] = [
  {
    letter: 'A',
    title: 'equal workers, 90 % busy',
    setup: setup(some(0), 0.9, 8),
    needsOracle: true,
    bars: [oracleAtMost(1.15)],
  },
  {
    letter: 'B',
    title: 'one is 4× slower, 80 % busy',
    setup: setup(some(1, from(0, { relativeLatency: 4 })), 0.8, 7.25),
    needsOracle: true,
    bars: [oracleAtMost(1.15)],
  },
  {
    letter: 'D',
    title: 'one fails at once (5 ms, 500)',
    setup: setup(some(1, from(FAULT_MS, { fault: '500' })), 0.8, 7),
    needsOracle: false,
    bars: [shareFromFault(0.5), allErrors(0.01)],
  },
  {
    letter: 'E',
    title: 'one accepts and never answers (first byte awaited 10 s)',
    setup: setup(some(1, from(FAULT_MS, { relativeLatency: Infinity })), 0.8, 7, { patienceMs: 10_000 }),
    needsOracle: false,
    bars: [shareFromFault(0.5), allErrors(1)],
  },
  {
    letter: 'G',
    title: 'one fails 30 % of calls',
    setup: setup(some(1, from(FAULT_MS, { failShare: 0.3 })), 0.8, 7),
    needsOracle: false,
    bars: [shareFromFault(3), allErrors(0.01)],
  },
  {
    letter: 'H',
    title: 'one turns 10× slow, later recovers',
    setup: setup(some(1, from(FAULT_MS, { relativeLatency: 10 }), from(SLOW_UNTIL_MS, {})), 0.8, 7, {
      untilMs: LONG_MS,
    }),
    needsOracle: false,
    bars: [
      itsShare(2, FAULT_MS, SLOW_UNTIL_MS, 'share then'),
      fairShare(70, 'share 60 s after, of fair', [SLOW_UNTIL_MS + 60_000, LONG_MS]),
    ],
  },
  {
    letter: 'I',
    title: 'a worker returns and stays cold for 10 s',
    setup: setup(
      some(
        1,
        from(FAULT_MS, { fault: 'refused' }),
        from(GONE_UNTIL_MS, { relativeLatency: 4 }),
        from(GONE_UNTIL_MS + COLD_MS, {}),
      ),
      0.8,
      7,
      { untilMs: BACK_AND_USED_MS },
    ),
    needsOracle: false,
    bars: [
      allErrors(0.01, 'errors clients see', BACK_AND_USED_MS),
      shareOnceBack({ atMost: 12.5 }, GONE_UNTIL_MS, 5_000),
      shareOnceBack({ above: 0 }, GONE_UNTIL_MS, 10_000),
    ],
  },
  {
    letter: 'L',
    title: 'light traffic (20 %), one 4× slower',
    setup: setup(some(1, from(0, { relativeLatency: 4 })), 0.2, 7.25),
    needsOracle: true,
    bars: [oracleAtMost(1.35)],
  },
  {
    letter: 'L',
    title: 'light traffic (20 %), all equal',
    setup: setup(some(0), 0.2, 8, { untilMs: LIGHT_MS }),
    needsOracle: false,
    bars: [evenShares(15, WARM_MS, LIGHT_MS)],
  },
  // The last one, because the service is restarted for it.
  {
    letter: 'F',
    title: 'one flaps, 10 s up, 10 s down',
    setup: setup(some(1, ...flapping), 0.8, 7, { untilMs: FLAPPING_MS, service: { retries: false } }),
    needsOracle: false,
    bars: [allErrors(0.6, 'errors without retry', FLAPPING_MS)],
  },
];
