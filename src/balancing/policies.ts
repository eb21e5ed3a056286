import { leastRequest } from './policies/least-request.js';
import { roundRobin } from './policies/round-robin.js';

/** Every strategy by its name in the settings. A new one is a file in policies/ and a line here. */
export const POLICIES = {
  least_request: leastRequest,
  round_robin: roundRobin,
} as const;
