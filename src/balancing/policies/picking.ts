import type { Candidate } from './policy.js';

/** A 32-bit hash of a text. [FNV-1a over UTF-16, then mixed] */
export function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mix(hash);
}

/** Mixes 32 bits so that each depends on all. [MurmurHash3's finalizer] */
export function mix(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** The index of the lowest cost. Ties are broken at random, or the first in the list would get everything. */
export function lowestIndex<T>(
  items: readonly T[],
  costOf: (item: T) => number,
  random: () => number,
): number {
  let lowest = Infinity;
  let index = 0;
  let ties = 0;
  let at = -1;
  for (const item of items) {
    at += 1;
    const cost = costOf(item);
    if (cost > lowest) continue;
    ties = cost < lowest ? 1 : ties + 1;
    if (ties === 1) index = at;
    lowest = cost;
  }
  return ties <= 1 ? index : nthOf(items, costOf, lowest, Math.floor(random() * ties), index);
}

function nthOf<T>(
  items: readonly T[],
  costOf: (item: T) => number,
  cost: number,
  nth: number,
  from: number,
): number {
  let left = nth;
  for (let at = from; at < items.length; at++) {
    const item = items[at];
    if (item === undefined || costOf(item) !== cost) continue;
    if (left === 0) return at;
    left -= 1;
  }
  return from;
}

/** A random index in proportion to the shares (0 or more); -1 when all are 0. */
export function weightedIndex<T>(
  items: readonly T[],
  shareOf: (item: T) => number,
  random: () => number,
): number {
  let total = 0;
  for (const item of items) total += shareOf(item);
  if (total === 0) return -1;
  let left = random() * total;
  let last = -1;
  let at = -1;
  for (const item of items) {
    at += 1;
    const share = shareOf(item);
    if (share === 0) continue;
    last = at;
    left -= share;
    if (left < 0) return at;
  }
  // Rounding can leave a tiny rest.
  return last;
}

/**
 * The cheaper of two different candidates that are drawn in proportion to weight; the first when they cost the same, so
 * that shares follow weights as long as the costs are equal.
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

/** The candidate at a place on the line on which each one, except the excluded, is as long as its weight. */
function placeOf(candidates: readonly Candidate[], place: number, excluded: Candidate | null): number {
  let left = place;
  let last = 0;
  let at = -1;
  for (const candidate of candidates) {
    at += 1;
    if (candidate === excluded) continue;
    last = at;
    left -= candidate.weight;
    if (left < 0) return at;
  }
  // Rounding can leave a tiny rest.
  return last;
}
