import type { Policy } from './policy.js';
import { weightedIndex } from './picking.js';

/** Picks at random, in proportion to weight. */
export const random: Policy<null> = {
  start: null,
  pick(candidates, memory, chance) {
    return { index: weightedIndex(candidates, ({ weight }) => weight, chance), memory };
  },
};
