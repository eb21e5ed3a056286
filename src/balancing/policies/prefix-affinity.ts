import { leastLoad } from './least-load.js';
import type { Candidate, Policy } from './policy.js';
import { firstInOrder } from './rendezvous.js';

/** A worker may run this many times its fair share of the requests … */
const TIMES_FAIR = 2;
/**
 * … and this many more. A replica sees only its own requests: at light load two of one home are no imbalance.
 */
const MORE = 4;

/**
 * Sends the requests of a conversation to one worker, its home, whose cache holds its earlier turns. A home that runs
 * too much spills to the next one in the key's order, so to the same second home each time. Requests without a key go
 * where `least_load` sends them.
 */
export const prefixAffinity: Policy<null> = {
  start: null,
  usesKey: true,
  cost: leastLoad.cost,
  pick(candidates, memory, random, affinityKey) {
    if (affinityKey === undefined) return leastLoad.pick(candidates, memory, random);
    let running = 0;
    let paces = 0;
    for (const candidate of candidates) {
      running += candidate.inFlight;
      paces += paceOf(candidate);
    }
    // What may run at a worker of mean pace, × its own pace: the bounds add up to more than what runs, so one has room.
    const perPace = (TIMES_FAIR * running + MORE * candidates.length) / paces;
    const index = firstInOrder(
      candidates,
      affinityKey,
      (candidate) => candidate.inFlight + 1 <= perPace * paceOf(candidate),
    );
    return { index: Math.max(0, index), memory };
  },
};

/** How much it can do, relative to others. */
function paceOf({ weight, relativeLatency }: Candidate): number {
  return weight / relativeLatency;
}
