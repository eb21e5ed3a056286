/** The numbers by which a replica judges workers from its own requests. */
export interface StatsLimits {
  /** Connect errors in a row that put a worker aside. [Linkerd, Finagle] */
  readonly connectErrorsInARow: number;
  /** Failures in a row that do. */
  readonly failuresInARow: number;
  /** So does a smaller share of successes, 0 to 1, … */
  readonly successShare: number;
  /** … within this time … */
  readonly successWindowMs: number;
  /** … if there were so many requests. */
  readonly successSamples: number;
  /** The first ejection; each further one doubles it. */
  readonly ejectionBaseMs: number;
  readonly ejectionMaxMs: number;
  /** Good trials that end it. */
  readonly trialSuccesses: number;
  /** The longest a busy worker is passed over, whatever it asks for. */
  readonly busyMaxMs: number;
  /** For one that does not say how long. */
  readonly busyMs: number;
  /** A suspect that has served a request within this time is no suspect here. */
  readonly aliveMs: number;
  /** Time constant of the average pace. */
  readonly paceMs: number;
  /** In which a pace that was not seen again is half forgotten. */
  readonly paceHalfLifeMs: number;
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
  busyMaxMs: 60_000,
  busyMs: 1000,
  aliveMs: 30_000,
  paceMs: 15_000,
  paceHalfLifeMs: 60_000,
  latencyMs: 10_000,
  failurePenalty: 10,
  callerFaultPenalty: 0.1,
  penaltyHalfLifeMs: 20_000,
};
