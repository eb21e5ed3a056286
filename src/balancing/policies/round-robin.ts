import type { Policy } from '../policy.js';

/**
 * Smooth weighted round robin, as nginx does it: everyone gains its weight, the richest is picked and pays the total.
 * A heavy worker's turns are spread out instead of coming in a row.
 */
export const roundRobin: Policy<ReadonlyMap<string, number>> = {
  start: new Map(),
  pick(candidates, memory) {
    const next = new Map<string, number>();
    let total = 0;
    let index = 0;
    let richest = -Infinity;
    for (const [at, { id, weight }] of candidates.entries()) {
      const gained = (memory.get(id) ?? 0) + weight;
      next.set(id, gained);
      total += weight;
      if (gained > richest) {
        richest = gained;
        index = at;
      }
    }
    const picked = candidates[index];
    if (picked !== undefined) next.set(picked.id, richest - total);
    return { index, memory: next };
  },
};
