import type { Candidate, Policy } from './policy.js';
import { lowestIndex, weightedIndex } from './picking.js';

const idleWeight = ({ inFlight, weight }: Candidate): number => (inFlight === 0 ? weight : 0);
const requestsPerWeight = ({ inFlight, weight }: Candidate): number => (inFlight + 1) / weight;

/** Picks the worker with the fewest requests for its weight; among idle ones by weight, or the heaviest would get all. */
export const leastRequest: Policy<null> = {
  start: null,
  cost: requestsPerWeight,
  pick(candidates, memory, random) {
    const idle = weightedIndex(candidates, idleWeight, random);
    return { index: idle === -1 ? lowestIndex(candidates, requestsPerWeight, random) : idle, memory };
  },
};
