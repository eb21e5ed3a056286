import { leastLoad } from './least-load.js';
import type { Candidate, Policy } from './policy.js';
import { firstInOrder } from './rendezvous.js';

/** How much may run at a worker of mean speed. */
export interface AffinityBound {
  /** A worker may run this many times its fair share of the requests … */
  readonly timesFair: number;
  /** … and this many more. A replica sees only its own requests: at light load two of one home are no imbalance. */
  readonly more: number;
}

/**
 * Of 1.25 to 3 × and 0 to 8 more (scene V of `bench/simulate`, docs/balancing.md), the tightest bound that costs equal
 * engines nothing: 94 % cache hits at 50 to 150 % load, first token p99 0.29–0.38 s (no bound: 0.29–0.35 s; "+ 2": 0.54–0.78 s;
 * "+ 0": 1.2–1.5 s). With 3 × and 8 more, the answers of a fleet with one engine that is 3× slower take 18.4 s (p99) instead of 15.9 s.
 */
const BOUND: AffinityBound = { timesFair: 2, more: 4 };

/**
 * Sends the requests of a conversation to one worker, its home, whose cache holds its earlier turns. A home that runs
 * too much spills to the next one in the key's order, so to the same second home each time. Requests without a key go
 * where `least_load` sends them.
 */
export const prefixAffinity = prefixAffinityWithin(BOUND);

/** The same with another bound. */
export function prefixAffinityWithin({ timesFair, more }: AffinityBound): Policy<null> {
  return {
    start: null,
    usesKey: true,
    cost: leastLoad.cost,
    pick(candidates, memory, random, affinityKey) {
      if (affinityKey === undefined) return leastLoad.pick(candidates, memory, random);
      let running = 0;
      let speeds = 0;
      for (const candidate of candidates) {
        running += candidate.inFlight;
        speeds += speedOf(candidate);
      }
      // What may run at a worker of mean speed, × its own speed: the bounds add up to more than what runs, so one has room.
      const perSpeed = (timesFair * running + more * candidates.length) / speeds;
      const index = firstInOrder(
        candidates,
        affinityKey,
        (candidate) => candidate.inFlight + 1 <= perSpeed * speedOf(candidate),
      );
      return { index: Math.max(0, index), memory };
    },
  };
}

/** How much it can do, relative to others. */
function speedOf({ weight, relativeLatency }: Candidate): number {
  return weight / relativeLatency;
}
