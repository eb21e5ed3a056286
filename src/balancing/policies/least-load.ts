import type { Candidate, Policy } from './policy.js';
import { lowestIndex, weightedIndex } from './picking.js';

/** Up to this many candidates are all compared; of more, two at random, which is nearly as good at a constant cost. */
const LOOK_AT_ALL = 64;
/** A worker that fails at once is idle, too: idleness alone must not draw traffic to it. */
const TRUSTED_PENALTY = 1;

const cost = ({ inFlight, weight, relativeLatency, penalty }: Candidate): number =>
  ((inFlight + 1) / weight) * relativeLatency + penalty;
/** By the square: an idle slow worker needs to be tried now and then, not to have a share. */
const idleShare = ({ inFlight, weight, relativeLatency, penalty }: Candidate): number =>
  inFlight === 0 && penalty < TRUSTED_PENALTY ? weight / relativeLatency ** 2 : 0;

/**
 * Picks the worker that would answer soonest: the fewest requests for its weight and speed, errors counted as requests.
 * When that worker is idle, picks among all idle ones by weight and speed: the bare minimum would give one worker
 * everything while traffic is light.
 */
export const leastLoad = {
  start: null,
  cost,
  pick(candidates, memory, random) {
    if (candidates.length <= LOOK_AT_ALL) return { index: among(candidates, random), memory };
    const first = Math.floor(random() * candidates.length);
    const second = (first + 1 + Math.floor(random() * (candidates.length - 1))) % candidates.length;
    const two = [candidates[first], candidates[second]].filter((one) => one !== undefined);
    return { index: among(two, random) === 0 ? first : second, memory };
  },
} satisfies Policy<null>;

function among(candidates: readonly Candidate[], random: () => number): number {
  const lowest = lowestIndex(candidates, cost, random);
  if (candidates[lowest]?.inFlight !== 0) return lowest;
  const idle = weightedIndex(candidates, idleShare, random);
  return idle === -1 ? lowest : idle;
}
