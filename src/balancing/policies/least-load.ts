import type { Candidate, Policy } from './policy.js';
import { lowestIndex } from './picking.js';
import { weightedIndex } from './picking.js';

/** Up to so many are all looked at; of more, two at random, which is nearly as good and costs the same for any number. */
const LOOK_AT_ALL = 64;
/** Idleness alone must not draw traffic to a worker that fails at once and is idle therefore. */
const TRUSTED_PENALTY = 1;

const cost = ({ inFlight, weight, relativeLatency: slowness, penalty }: Candidate): number =>
  ((inFlight + 1) / weight) * slowness + penalty;
/** By the square: a slow one that nobody waits for needs no share, only to be tried now and then. */
const idleShare = ({ inFlight, weight, relativeLatency: slowness, penalty }: Candidate): number =>
  inFlight === 0 && penalty < TRUSTED_PENALTY ? weight / slowness ** 2 : 0;

/**
 * The worker that would answer soonest: fewest requests for its weight and speed, errors counted as requests. When that
 * is an idle one, any of the idle by weight and speed: the bare minimum would give one worker everything while traffic
 * is light.
 */
export const leastLoad: Policy<null> = {
  start: null,
  pick(candidates, memory, random) {
    if (candidates.length <= LOOK_AT_ALL) return { index: among(candidates, random), memory };
    const first = Math.floor(random() * candidates.length);
    const second = (first + 1 + Math.floor(random() * (candidates.length - 1))) % candidates.length;
    const two = [candidates[first], candidates[second]].filter((one) => one !== undefined);
    return { index: among(two, random) === 0 ? first : second, memory };
  },
};

function among(candidates: readonly Candidate[], random: () => number): number {
  const lowest = lowestIndex(candidates, cost, random);
  if (candidates[lowest]?.inFlight !== 0) return lowest;
  const idle = weightedIndex(candidates, idleShare, random);
  return idle === -1 ? lowest : idle;
}
