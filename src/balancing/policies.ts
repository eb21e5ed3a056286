import { consistentHash } from './policies/consistent-hash.js';
import { leastLoad } from './policies/least-load.js';
import { leastRequest } from './policies/least-request.js';
import { peakEwma } from './policies/peak-ewma.js';
import { powerOfTwo } from './policies/power-of-two.js';
import { random } from './policies/random.js';
import { roundRobin } from './policies/round-robin.js';

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
