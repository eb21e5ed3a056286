import type { Health } from '../../registry/worker.js';
import { textHash } from '../policies/hash.js';
import type { Candidate } from '../policy.js';
import { afterComingUp, mayBeLent, phaseOf } from './circuit.js';
import { type Experience, NO_EXPERIENCE } from './experience.js';
import { amountAt } from './fading.js';
import type { StandingLimits } from './limits.js';
import { slowness } from './pace.js';
import { latencyAt } from './peak-latency.js';
import { warmedCap, warmedWeight, warmthAt } from './warmth.js';

/** As long as the queue is by default. */
const TRIAL_AWAITED_MS = 10_000;

/** What the registry says of a worker, as far as picking is concerned. */
export interface Member {
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
export class Standing implements Candidate {
  readonly id: string;
  readonly hash: number;
  inFlight = 0;
  /** When its last trial began. */
  trialSinceMs = -Infinity;
  experience: Experience = NO_EXPERIENCE;

  // As of the last refresh; what fades or grows in seconds need not be computed for every pick.
  weight: number;
  slowness = 1;
  penalty = 0;
  peakLatencyMs = 0;
  /** The cap as it is while warming. */
  private warmCap: number;

  /** When this replica saw its health turn to warming; the database's clock is not ours. */
  private warmingSeenMs: number | null;

  constructor(
    private its: Member,
    nowMs: number,
    private readonly limits: StandingLimits,
  ) {
    this.id = its.id;
    this.hash = textHash(its.id);
    this.weight = its.weight;
    this.warmCap = its.cap;
    this.warmingSeenMs = its.health === 'warming' ? nowMs : null;
  }

  get member(): Member {
    return this.its;
  }

  /** A changed definition is a new beginning: what was learned about the old one is forgotten. */
  become(member: Member, nowMs: number): void {
    if (member.generation !== this.its.generation) {
      this.experience = { ...NO_EXPERIENCE, circuit: { ...NO_EXPERIENCE.circuit, epoch: this.epoch + 1 } };
    }
    if (member.health !== this.its.health && member.health === 'warming') {
      this.warmingSeenMs = nowMs;
      const circuit = afterComingUp(this.experience.circuit, nowMs);
      this.experience = { ...this.experience, circuit };
    }
    this.its = member;
  }

  /** Somebody says it is well again: ejections and penalties are forgotten. */
  pardon(): void {
    const { pace, latency, lastSuccessMs } = this.experience;
    const circuit = { ...NO_EXPERIENCE.circuit, epoch: this.epoch + 1 };
    this.experience = { ...NO_EXPERIENCE, circuit, pace, latency, lastSuccessMs };
  }

  get epoch(): number {
    return this.experience.circuit.epoch;
  }

  /** Errors and latency count at once; what takes its time to learn waits for the next refresh. */
  learn(experience: Experience): void {
    const { penalty, latency } = this.experience;
    // What was learned just now has not faded yet.
    if (experience.penalty !== penalty) this.penalty = experience.penalty.amount;
    if (experience.latency !== latency) this.peakLatencyMs = experience.latency.ms;
    this.experience = experience;
  }

  /**
   * Brings what depends on time up to date.
   * @param mayWarm whether there is a warmer one to lean on meanwhile; else it does not warm up slowly
   */
  refresh(medianMsPerUnit: number, nowMs: number, mayWarm: boolean): void {
    const { limits, experience } = this;
    const warmth = mayWarm ? this.warmth(nowMs) : 1;
    this.weight = warmth === 1 ? this.its.weight : warmedWeight(this.its.weight, warmth);
    this.warmCap = warmth === 1 ? this.its.cap : warmedCap(this.its.cap, warmth);
    this.slowness = slowness(experience.pace, medianMsPerUnit, nowMs, limits.paceHalfLifeMs);
    this.penalty = amountAt(experience.penalty, nowMs, limits.penaltyHalfLifeMs);
    this.peakLatencyMs = latencyAt(experience.latency, nowMs, limits.latencyMs);
  }

  isWarming(nowMs: number): boolean {
    return this.warmth(nowMs) < 1;
  }

  /** People and probes let it be used. */
  get isWanted(): boolean {
    return this.its.isOpen && this.its.health !== 'unhealthy';
  }

  /** This replica's own requests do too. */
  get isInUse(): boolean {
    return this.experience.circuit.ejectedFor === null;
  }

  /** It was put aside, its time is up, and no trial is running. */
  awaitsTrial(nowMs: number): boolean {
    const { circuit } = this.experience;
    return circuit.ejectedFor !== null && mayBeLent(circuit, nowMs);
  }

  /** Long enough for a trial that ends well to let those in who wait for it; one that hangs is not waited for. */
  isOnTrial(nowMs: number): boolean {
    return this.experience.circuit.trialRunning && nowMs - this.trialSinceMs < TRIAL_AWAITED_MS;
  }

  isBusy(nowMs: number): boolean {
    return nowMs < this.experience.busyUntilMs;
  }

  get hasRoom(): boolean {
    return this.inFlight < this.warmCap;
  }

  /** Its own answers outrank a probe: a suspect that serves is none. */
  isTrusted(nowMs: number): boolean {
    if (this.its.health !== 'suspect') return true;
    const { lastSuccessMs, circuit } = this.experience;
    const isAlive = lastSuccessMs !== null && nowMs - lastSuccessMs < this.limits.aliveMs;
    return isAlive && circuit.failuresInARow === 0;
  }

  private warmth(nowMs: number): number {
    const { warmingMs } = this.limits;
    const { circuit } = this.experience;
    const own =
      phaseOf(circuit, nowMs, this.limits) === 'warming' && circuit.warmingSinceMs !== null
        ? warmthAt(circuit.warmingSinceMs, nowMs, warmingMs)
        : 1;
    const seen = this.warmingSeenMs === null ? 1 : warmthAt(this.warmingSeenMs, nowMs, warmingMs);
    return Math.min(own, seen);
  }
}
