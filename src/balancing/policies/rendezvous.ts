import { mix, textHash } from './picking.js';
import type { Candidate } from './policy.js';

/**
 * The index of the first candidate with room in the order that rendezvous hashing gives the key; -1: none has room. Each
 * key has its own order of all workers, the same on every replica, without a ring or memory. The first of the order falls
 * on each worker in proportion to its weight, and a worker that leaves moves only the keys it was the first of.
 * [Thaler, Ravishankar 1998; weights: Schindelhauer, Schomaker 2005]
 */
export function firstInOrder(
  candidates: readonly Candidate[],
  key: string | number,
  hasRoom: (candidate: Candidate) => boolean,
): number {
  const keyHash = typeof key === 'string' ? textHash(key) : key;
  let index = -1;
  let best = -Infinity;
  let at = -1;
  for (const candidate of candidates) {
    at += 1;
    if (!hasRoom(candidate)) continue;
    const score = scoreOf(candidate, keyHash);
    if (score <= best) continue;
    best = score;
    index = at;
  }
  return index;
}

/** Below 0. */
function scoreOf({ hash, weight }: Candidate, keyHash: number): number {
  return Math.log((mix(hash ^ keyHash) + 0.5) / 2 ** 32) / weight;
}
