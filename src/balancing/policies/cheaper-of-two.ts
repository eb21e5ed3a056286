import type { Candidate } from '../policy.js';

/**
 * Two different ones by chance, in proportion to weight, and of these the one that costs less; the first when equal, so
 * that shares follow weights as long as nothing tells them apart.
 */
export function cheaperOfTwo(
  candidates: readonly Candidate[],
  costs: { readonly idle: (candidate: Candidate) => number; readonly busy: (candidate: Candidate) => number },
  random: () => number,
): number {
  let total = 0;
  for (const { weight } of candidates) total += weight;
  const firstAt = placeOf(candidates, random() * total, null);
  const first = candidates[firstAt];
  if (first === undefined || candidates.length === 1) return firstAt;
  const secondAt = placeOf(candidates, random() * (total - first.weight), first);
  const second = candidates[secondAt];
  if (second === undefined) return firstAt;
  const costOf = first.inFlight + second.inFlight === 0 ? costs.idle : costs.busy;
  return costOf(second) < costOf(first) ? secondAt : firstAt;
}

/** Whose place it is on the line on which each, but the one that is left out, holds as much as it weighs. */
function placeOf(candidates: readonly Candidate[], place: number, leftOut: Candidate | null): number {
  let left = place;
  let last = 0;
  let at = -1;
  for (const candidate of candidates) {
    at += 1;
    if (candidate === leftOut) continue;
    last = at;
    left -= candidate.weight;
    if (left < 0) return at;
  }
  // Rounding can leave a hair's breadth.
  return last;
}
