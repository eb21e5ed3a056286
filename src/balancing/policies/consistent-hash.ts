import type { Candidate, Policy } from './policy.js';
import { mix, textHash } from './picking.js';

/** How much above its fair share of what is running a worker may have. [Mirrokni et al. 2016, bounded loads] */
const BOUND = 1.25;

/**
 * Requests of one key go to one worker as long as it has room, so that its caches serve them; a worker that leaves takes
 * only its own keys along. Rendezvous hashing, which gives every key an order of all workers to fall back in; no ring to
 * keep. [Thaler, Ravishankar 1998; weights: Schindelhauer, Schomaker 2005] Without a key: by chance.
 */
export const consistentHash: Policy<null> = {
  start: null,
  pick(candidates, memory, random, key) {
    const hash = key === undefined ? Math.floor(random() * 2 ** 32) : textHash(key);
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

/** Below 0; the highest of a key's affinities falls on each worker as often as its weight says. */
function affinity({ hash, weight }: Candidate, keyHash: number): number {
  return Math.log((mix(hash ^ keyHash) + 0.5) / 2 ** 32) / weight;
}
