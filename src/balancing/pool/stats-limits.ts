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

export const DEFAULT_STATS_LIMITS: StatsLimits = {
  connectErrorsInARow: 2,
  failuresInARow: 3,
  successShare: 0.8,
  successWindowMs: 30_000,
  successSamples: 5,
  ejectionBaseMs: 10_000,
  ejectionMaxMs: 300_000,
  trialSuccesses: 2,
  throttleMaxMs: 60_000,
  throttleMs: 1000,
  aliveMs: 30_000,
  speedMs: 15_000,
  speedHalfLifeMs: 60_000,
  latencyMs: 10_000,
  failurePenalty: 10,
  callerFaultPenalty: 0.1,
  penaltyHalfLifeMs: 20_000,
};
