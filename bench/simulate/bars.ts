import { errorShare, p99Ms, shareOf } from './measures.js';
import { type RunRecord, type Setup, SLOTS } from './run-once.js';
import { type Behaviour, HEALTHY, type Phase } from './simulated-worker.js';

/** A figure that must be met. */
export interface Bar {
  readonly name: string;
  readonly unit: '×' | '%' | '';
  readonly atMost?: number;
  readonly atLeast?: number;
  /** Must be more than this. */
  readonly above?: number;
  /** The oracle's record is given where the scenario has `needsOracle`. */
  read(record: RunRecord, oracle: RunRecord): number;
}

export interface Scenario {
  readonly letter: string;
  readonly title: string;
  readonly setup: Setup;
  readonly needsOracle: boolean;
  readonly bars: readonly Bar[];
}

export const WORKERS = 8;
/** The worker that misbehaves. */
export const ONE = 0;
export const FAIR_SHARE = 1 / WORKERS;

export const from = (fromMs: number, behaviour: Partial<Behaviour>): Phase => ({
  fromMs,
  behaviour: { ...HEALTHY, ...behaviour },
});

/** Workers of which the first `count` have this behaviour; the others are healthy. */
export const some = (count: number, ...phases: readonly Phase[]): readonly (readonly Phase[])[] =>
  Array.from({ length: WORKERS }, (_, worker) => (worker < count ? phases : []));

/** The requests per second that load this many workers of full speed to this share. */
export const perSecond = (load: number, workersWorth: number): number => load * workersWorth * SLOTS;

export const slowerThanOracle = (atMost: number, fromMs: number, untilMs: number): Bar => ({
  name: 'p99 ÷ oracle',
  unit: '×',
  atMost,
  read: (record, oracle) => p99Ms(record, fromMs, untilMs) / p99Ms(oracle, fromMs, untilMs),
});

export const itsShare = (atMost: number, fromMs: number, untilMs: number, name = 'its share'): Bar => ({
  name,
  unit: '%',
  atMost,
  read: (record) => 100 * shareOf(record, [ONE], fromMs, untilMs),
});

/** Its share relative to the mean of the other workers, as the mean over all the times; 100 % is equal. */
export const fairShare = (
  atLeast: number,
  name: string,
  ...times: readonly (readonly [fromMs: number, untilMs: number])[]
): Bar => ({
  name,
  unit: '%',
  atLeast,
  read: (record) => {
    const shares = times.map(([fromMs, untilMs]) => shareOf(record, [ONE], fromMs, untilMs) / FAIR_SHARE);
    return (100 * shares.reduce((sum, share) => sum + share, 0)) / shares.length;
  },
});

export const errors = (atMost: number, name: string, fromMs: number, untilMs: number): Bar => ({
  name,
  unit: '%',
  atMost,
  read: (record) => 100 * errorShare(record, fromMs, untilMs),
});

/** From the moment probes put the worker back into rotation. */
export const shareOnceBack = (
  bar: Pick<Bar, 'atMost'> | Pick<Bar, 'above'>,
  reachableMs: number,
  forMs: number,
): Bar => ({
  name: `share in the first ${forMs / 1000} s`,
  unit: '%',
  ...bar,
  read: (record) => {
    const back = record.verdicts.find(
      ({ atMs, worker, health }) => worker === ONE && atMs > reachableMs && health === 'warming',
    );
    const backMs = back?.atMs ?? reachableMs;
    return 100 * shareOf(record, [ONE], backMs, backMs + forMs);
  },
});

export const evenShares = (atMost: number, fromMs: number, untilMs: number): Bar => ({
  name: 'spread of shares',
  unit: '%',
  atMost,
  read: (record) => {
    const off = Array.from({ length: WORKERS }, (_, worker) =>
      Math.abs(shareOf(record, [worker], fromMs, untilMs) / FAIR_SHARE - 1),
    );
    return 100 * Math.max(...off);
  },
});

export function isMet({ atMost, atLeast, above }: Bar, value: number): boolean {
  if (atMost !== undefined) return value <= atMost;
  if (atLeast !== undefined) return value >= atLeast;
  return value > (above ?? 0);
}
