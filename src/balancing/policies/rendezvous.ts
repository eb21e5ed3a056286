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

/** The place of each candidate in the order of a key, 1 for its home. */
export function placesInOrder(candidates: readonly Candidate[], key: string): ReadonlyMap<string, number> {
  const keyHash = textHash(key);
  const scored = candidates.map((candidate) => ({ id: candidate.id, score: scoreOf(candidate, keyHash) }));
  const inOrder = scored.toSorted((one, other) => other.score - one.score);
  return new Map(inOrder.map(({ id }, index) => [id, index + 1]));
}

/** Below 0. */
function scoreOf({ hash, weight }: Candidate, keyHash: number): number {
  return Math.log((mix(hash ^ keyHash) + 0.5) / 2 ** 32) / weight;
}
