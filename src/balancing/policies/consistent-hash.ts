import type { Policy } from './policy.js';
import { firstInOrder } from './rendezvous.js';

/** A worker's load may be this many times its fair share. [Mirrokni et al. 2016, bounded loads] */
const BOUND = 1.25;

/** Sends requests of one key to one worker while it has room. Without a key, it picks at random. */
export const consistentHash: Policy<null> = {
  start: null,
  usesKey: true,
  pick(candidates, memory, random, affinityKey) {
    let running = 1;
    let weights = 0;
    for (const { inFlight, weight } of candidates) {
      running += inFlight;
      weights += weight;
    }
    const roomPerWeight = (BOUND * running) / weights;
    const key = affinityKey ?? Math.floor(random() * 2 ** 32);
    const index = firstInOrder(
      candidates,
      key,
      ({ inFlight, weight }) => inFlight < Math.ceil(roomPerWeight * weight),
    );
    return { index: Math.max(0, index), memory };
  },
};
