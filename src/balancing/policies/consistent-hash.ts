import type { Candidate, Policy } from './policy.js';
import { mix, textHash } from './picking.js';

/** A worker's load may be this many times its fair share. [Mirrokni et al. 2016, bounded loads] */
const BOUND = 1.25;

/**
 * Sends requests of one key to one worker while it has room, so that its caches serve them; when a worker leaves, only
 * its own keys move. Rendezvous hashing gives every key an order of all workers to fall back on and needs no ring.
 * [Thaler, Ravishankar 1998; weights: Schindelhauer, Schomaker 2005] Without a key, it picks at random.
 */
export const consistentHash: Policy<null> = {
  start: null,
  pick(candidates, memory, random, affinityKey) {
    const hash = affinityKey === undefined ? Math.floor(random() * 2 ** 32) : textHash(affinityKey);
    let running = 1;
    let weights = 0;
    for (const { inFlight, weight } of candidates) {
      running += inFlight;
      weights += weight;
    }
    const roomPerWeight = (BOUND * running) / weights;
    let index = 0;
    let best = -Infinity;
    let at = -1;
    for (const candidate of candidates) {
      at += 1;
      if (candidate.inFlight >= Math.ceil(roomPerWeight * candidate.weight)) continue;
      const score = affinity(candidate, hash);
      if (score <= best) continue;
      best = score;
      index = at;
    }
    return { index, memory };
  },
};

/** Below 0. The highest affinity of a key falls on each worker in proportion to its weight. */
function affinity({ hash, weight }: Candidate, keyHash: number): number {
  return Math.log((mix(hash ^ keyHash) + 0.5) / 2 ** 32) / weight;
}
