import type { Policy } from './policy.js';
import { cheaperOfTwo } from './picking.js';

/** Picks, of two at random, the one with fewer requests for its weight. [Mitzenmacher 2001] */
export const powerOfTwo: Policy<null> = {
  start: null,
  pick(candidates, memory, random) {
    const index = cheaperOfTwo(
      candidates,
      { idle: () => 0, busy: ({ inFlight, weight }) => (inFlight + 1) / weight },
      random,
    );
    return { index, memory };
  },
};
