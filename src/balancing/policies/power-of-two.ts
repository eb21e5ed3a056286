import type { Candidate, Policy } from './policy.js';
import { cheaperOfTwo } from './picking.js';

const requestsPerWeight = ({ inFlight, weight }: Candidate): number => (inFlight + 1) / weight;

/** Picks, of two at random, the one with fewer requests for its weight. [Mitzenmacher 2001] */
export const powerOfTwo: Policy<null> = {
  start: null,
  cost: requestsPerWeight,
  pick(candidates, memory, random) {
    const index = cheaperOfTwo(candidates, { idle: () => 0, busy: requestsPerWeight }, random);
    return { index, memory };
  },
};
