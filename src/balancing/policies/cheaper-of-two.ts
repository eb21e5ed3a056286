import type { Candidate } from '../policy.js';
import { weightedIndex } from './weighted-index.js';

/**
 * Two different ones by chance, in proportion to weight, and of these the one that costs less; the first when equal, so
 * that shares follow weights as long as nothing tells them apart.
 */
export function cheaperOfTwo(
  candidates: readonly Candidate[],
  costs: { readonly idle: (candidate: Candidate) => number; readonly busy: (candidate: Candidate) => number },
  random: () => number,
): number {
  const firstAt = weightedIndex(candidates, ({ weight }) => weight, random);
  const first = candidates[firstAt];
  const secondAt = weightedIndex(
    candidates,
    (candidate) => (candidate === first ? 0 : candidate.weight),
    random,
  );
  const second = candidates[secondAt];
  if (first === undefined || second === undefined) return firstAt;
  const costOf = first.inFlight + second.inFlight === 0 ? costs.idle : costs.busy;
  return costOf(second) < costOf(first) ? secondAt : firstAt;
}
