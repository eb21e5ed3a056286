import { consistentHash } from './consistent-hash.js';
import { leastLoad } from './least-load.js';
import { leastRequest } from './least-request.js';
import { peakEwma } from './peak-ewma.js';
import { powerOfTwo } from './power-of-two.js';
import { random } from './random.js';
import { roundRobin } from './round-robin.js';

/** Every strategy by its name in the settings. A new one is a file in policies/ and a line here. */
export const POLICIES = {
  least_load: leastLoad,
  least_request: leastRequest,
  round_robin: roundRobin,
  random,
  power_of_two: powerOfTwo,
  peak_ewma: peakEwma,
  consistent_hash: consistentHash,
} as const;

export type StrategyName = keyof typeof POLICIES;
