import type { Policy } from '../policy.js';
import { weightedIndex } from './weighted-index.js';

/**
 * The worker with the fewest requests for its weight; ties by chance, or the first in the list would get everything
 * while traffic is light. Among idle workers the choice is by weight.
 */
export const leastRequest: Policy<null> = {
  start: null,
  pick(candidates, memory, random) {
    const idle = weightedIndex(
      candidates,
      (candidate) => (candidate.inFlight === 0 ? candidate.weight : 0),
      random,
    );
    if (idle !== -1) return { index: idle, memory };
    let index = 0;
    let lowest = Infinity;
    let ties = 0;
    for (const [at, candidate] of candidates.entries()) {
      const cost = (candidate.inFlight + 1) / candidate.weight;
      if (cost > lowest) continue;
      ties = cost < lowest ? 1 : ties + 1;
      lowest = cost;
      // Each of n equals is kept with probability 1/n.
      if (ties === 1 || random() * ties < 1) index = at;
    }
    return { index, memory };
  },
};
