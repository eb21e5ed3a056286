import type { Health } from '../../registry/worker.js';
import { textHash } from '../policies/picking.js';
import type { Candidate } from '../policies/policy.js';
import { afterRecovery, allowsRequest, phaseOf } from './circuit.js';
import { type WorkerStats, EMPTY_STATS } from './worker-stats.js';
import { amountAt } from './averages.js';
import type { StatsLimits } from './stats-limits.js';
import { relativeLatency } from './averages.js';
import { latencyAt } from './averages.js';
import { warmedCap, warmedWeight, warmthAt } from './warmth.js';

/** As long as the queue is by default. */
const TRIAL_WAIT_MS = 10_000;

/** What the registry says of a worker, as far as picking is concerned. */
export interface PoolMember {
  readonly id: string;
  readonly weight: number;
  /** Lower first. */
  readonly priority: number;
  /** Requests this replica may have there at once. */
  readonly cap: number;
  /** Enabled, and its definition can be called. */
  readonly isOpen: boolean;
  readonly health: Health;
  readonly generation: number;
}

/** One worker as this replica sees it: what the registry says, what its own requests have shown, what runs there. */
export class PooledWorker implements Candidate {
  readonly id: string;
  readonly hash: number;
  inFlight = 0;
  /** When its last trial began. */
  trialSinceMs = -Infinity;
  stats: WorkerStats = EMPTY_STATS;

  // As of the last refresh; what fades or grows in seconds need not be computed for every pick.
  weight: number;
  relativeLatency = 1;
  penalty = 0;
  peakLatencyMs = 0;
  /** The cap as it is while warming. */
  private warmCap: number;

  /** When this replica saw its health turn to warming; the database's clock is not ours. */
  private warmingSeenMs: number | null;

  constructor(
    private its: PoolMember,
    nowMs: number,
    private readonly limits: StatsLimits,
  ) {
    this.id = its.id;
    this.hash = textHash(its.id);
    this.weight = its.weight;
    this.warmCap = its.cap;
    this.warmingSeenMs = its.health === 'warming' ? nowMs : null;
  }

  get member(): PoolMember {
    return this.its;
  }

  /** A changed definition is a new beginning: what was learned about the old one is forgotten. */
  update(member: PoolMember, nowMs: number): void {
    if (member.generation !== this.its.generation) {
      this.stats = { ...EMPTY_STATS, circuit: { ...EMPTY_STATS.circuit, epoch: this.epoch + 1 } };
    }
    if (member.health !== this.its.health && member.health === 'warming') {
      this.warmingSeenMs = nowMs;
      const circuit = afterRecovery(this.stats.circuit, nowMs);
      this.stats = { ...this.stats, circuit };
    }
    this.its = member;
  }

  /** Somebody says it is well again: ejections and penalties are forgotten. */
  clearEjection(): void {
    const { outputSpeed: pace, latency, lastSuccessMs } = this.stats;
    const circuit = { ...EMPTY_STATS.circuit, epoch: this.epoch + 1 };
    this.stats = { ...EMPTY_STATS, circuit, outputSpeed: pace, latency, lastSuccessMs };
  }

  get epoch(): number {
    return this.stats.circuit.epoch;
  }

  /** Errors and latency count at once; what takes its time to learn waits for the next refresh. */
  record(experience: WorkerStats): void {
    const { penalty, latency } = this.stats;
    // What was learned just now has not faded yet.
    if (experience.penalty !== penalty) this.penalty = experience.penalty.amount;
    if (experience.latency !== latency) this.peakLatencyMs = experience.latency.ms;
    this.stats = experience;
  }

  /**
   * Brings what depends on time up to date.
   * @param mayWarm whether there is a warmer one to lean on meanwhile; else it does not warm up slowly
   */
  refresh(medianMsPerUnit: number, nowMs: number, mayWarm: boolean): void {
    const { limits, stats: experience } = this;
    const warmth = mayWarm ? this.warmth(nowMs) : 1;
    this.weight = warmth === 1 ? this.its.weight : warmedWeight(this.its.weight, warmth);
    this.warmCap = warmth === 1 ? this.its.cap : warmedCap(this.its.cap, warmth);
    this.relativeLatency = relativeLatency(
      experience.outputSpeed,
      medianMsPerUnit,
      nowMs,
      limits.paceHalfLifeMs,
    );
    this.penalty = amountAt(experience.penalty, nowMs, limits.penaltyHalfLifeMs);
    this.peakLatencyMs = latencyAt(experience.latency, nowMs, limits.latencyMs);
  }

  isWarming(nowMs: number): boolean {
    return this.warmth(nowMs) < 1;
  }

  /** People and probes let it be used. */
  get isEligible(): boolean {
    return this.its.isOpen && this.its.health !== 'unhealthy';
  }

  /** This replica's own requests do too. */
  get isInRotation(): boolean {
    return this.stats.circuit.ejectedFor === null;
  }

  /** It was put aside, its time is up, and no trial is running. */
  awaitsTrial(nowMs: number): boolean {
    const { circuit } = this.stats;
    return circuit.ejectedFor !== null && allowsRequest(circuit, nowMs);
  }

  /** Long enough for a trial that ends well to let those in who wait for it; one that hangs is not waited for. */
  isOnTrial(nowMs: number): boolean {
    return this.stats.circuit.trialRunning && nowMs - this.trialSinceMs < TRIAL_WAIT_MS;
  }

  isThrottled(nowMs: number): boolean {
    return nowMs < this.stats.throttledUntilMs;
  }

  get hasCapacity(): boolean {
    return this.inFlight < this.warmCap;
  }

  /** Its own answers outrank a probe: a suspect that serves is none. */
  isTrusted(nowMs: number): boolean {
    if (this.its.health !== 'suspect') return true;
    const { lastSuccessMs, circuit } = this.stats;
    const isAlive = lastSuccessMs !== null && nowMs - lastSuccessMs < this.limits.aliveMs;
    return isAlive && circuit.failuresInARow === 0;
  }

  private warmth(nowMs: number): number {
    const { warmingMs } = this.limits;
    const { circuit } = this.stats;
    const own =
      phaseOf(circuit, nowMs, this.limits) === 'warming' && circuit.warmingSinceMs !== null
        ? warmthAt(circuit.warmingSinceMs, nowMs, warmingMs)
        : 1;
    const seen = this.warmingSeenMs === null ? 1 : warmthAt(this.warmingSeenMs, nowMs, warmingMs);
    return Math.min(own, seen);
  }
}
