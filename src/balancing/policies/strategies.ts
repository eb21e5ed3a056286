import type { Strategy } from '../../config/balancing-settings.js';
import { consistentHash } from './consistent-hash.js';
import { leastLoad } from './least-load.js';
import { leastRequest } from './least-request.js';
import { peakEwma } from './peak-ewma.js';
import type { Policy } from './policy.js';
import { powerOfTwo } from './power-of-two.js';
import { prefixAffinity } from './prefix-affinity.js';
import { random } from './random.js';
import { roundRobin } from './round-robin.js';

/** The policy of every strategy. A new one is a name in config's STRATEGIES, a file beside this one and a line here. */
export const POLICIES = {
  least_load: leastLoad,
  least_request: leastRequest,
  round_robin: roundRobin,
  random,
  power_of_two: powerOfTwo,
  peak_ewma: peakEwma,
  consistent_hash: consistentHash,
  prefix_affinity: prefixAffinity,
} as const satisfies Readonly<Record<Strategy, Policy<unknown>>>;

/** @param fallback used when a newer replica has stored a strategy that this one does not know yet */
export function knownStrategy(strategy: Strategy, fallback: Strategy): Strategy {
  return Object.hasOwn(POLICIES, strategy) ? strategy : fallback;
}
