/** How a worker is picked. Config, API and the table's CHECK derive from this list; balancing has a policy for each. */
export const STRATEGIES = [
  'least_load',
  'least_request',
  'round_robin',
  'random',
  'power_of_two',
  'peak_ewma',
  'consistent_hash',
  'prefix_affinity',
] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** The classes of requests, the one that goes first at the beginning. The API, the tables' CHECKs and the queues use this list. */
export const PRIORITIES = ['interactive', 'default', 'bulk'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** 0 for `interactive`, 1 for `default`, 2 for `bulk`. */
export function rankOf(priority: Priority): number {
  return PRIORITIES.indexOf(priority);
}

/** Bulk that waits gets this share of the slots' time, however much other traffic there is. */
export const BULK_FLOOR = 0.05;

export abstract class BalancingSettings {
  abstract readonly strategy: Strategy;
  /** How a replica evaluates workers from its own requests. */
  abstract readonly stats: StatsLimits;
  abstract readonly admission: AdmissionLimits;
  abstract readonly retry: RetryLimits;
}

/** The limits by which a replica evaluates workers from its own requests. */
export interface StatsLimits {
  /** Connect errors in a row that eject a worker. [Linkerd, Finagle] */
  readonly connectErrorsInARow: number;
  /** Failures in a row that eject it. */
  readonly failuresInARow: number;
  /** A smaller share of successes, 0 to 1, ejects it too, … */
  readonly successShare: number;
  /** … within this time … */
  readonly successWindowMs: number;
  /** … after at least this many requests. */
  readonly successSamples: number;
  /** The first ejection; each further one doubles it. */
  readonly ejectionBaseMs: number;
  readonly ejectionMaxMs: number;
  /** Successful trial requests that end it. */
  readonly trialSuccesses: number;
  /** The longest time a throttled worker gets no requests, whatever its Retry-After. */
  readonly throttleMaxMs: number;
  /** The pause of a throttled worker without Retry-After. */
  readonly throttleMs: number;
  /** A suspect worker that served a request here within this time counts as healthy here. */
  readonly aliveMs: number;
  /** Time constant of the average speed. */
  readonly speedMs: number;
  /** Half-life of a speed without new measurements. */
  readonly speedHalfLifeMs: number;
  /** Time constant of the peak latency. */
  readonly latencyMs: number;
  /** What a 5xx, timeout or connect error costs, in requests. */
  readonly failurePenalty: number;
  /** What a 4xx costs. */
  readonly callerFaultPenalty: number;
  readonly penaltyHalfLifeMs: number;
}

export interface RetryLimits {
  /** Retries, as a share of the model's requests … */
  readonly share: number;
  /** … in this time … */
  readonly windowMs: number;
  /** … and this many in any case. [Envoy, Finagle] */
  readonly atLeast: number;
  /** Attempts besides the first. */
  readonly most: number;
  /** Waited before the first retry, at most; doubles with each. */
  readonly backoffMs: number;
}

export interface AdmissionLimits {
  /** Places in the queue, as a multiple of the concurrency of all workers together. */
  readonly perSlot: number;
  readonly mostWaiting: number;
  /** Of requests that are not bulk: those wait until their deadline. */
  readonly maxWaitMs: number;
  /** How long a request waits for a worker that is being woken. */
  readonly holdMs: number;
  /** The share of the slots, 0.05 to 1, that bulk may take while other requests come. */
  readonly bulkShare: number;
}
