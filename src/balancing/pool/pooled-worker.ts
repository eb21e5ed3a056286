import type { Health } from '../../registry/worker.js';
import { textHash } from '../policies/picking.js';
import { firstInOrder } from '../policies/rendezvous.js';
import type { Candidate } from '../policies/policy.js';
import { amountAt, latencyAt, relativeLatency } from './averages.js';
import { allowsRequest, isWarming } from './circuit.js';
import type { StatsLimits } from '../../config/balancing-settings.js';
import { afterComingUp, afterEnabling, EMPTY_STATS, type WorkerStats } from './worker-stats.js';

/** As long as the queue is by default. */
const TRIAL_WAIT_MS = 10_000;

/** What the registry says of a worker, as far as picking is concerned. */
export interface PoolMember {
  readonly id: string;
  readonly weight: number;
  /** Lower first. */
  readonly priority: number;
  /** Requests this replica may have there at once. */
  readonly concurrencyLimit: number;
  /** What it may have there while all replicas have as much: the queue is not shorter because slots are at other replicas now. */
  readonly evenShare?: number;
  /** Enabled, and its definition can be called. */
  readonly isEnabled: boolean;
  readonly health: Health;
  /** It can be woken, and is not awake. */
  readonly isAsleep?: boolean;
  readonly generation: number;
}

/** A worker as this replica sees it: its registry entry, what its own requests have shown, what runs there. */
export class PooledWorker implements Candidate {
  readonly id: string;
  readonly hash: number;
  inFlight = 0;
  /** When the last request began; `null`: none has. */
  lastUsedMs: number | null = null;
  /** When its last trial began. */
  trialSinceMs = -Infinity;
  stats: WorkerStats = EMPTY_STATS;

  weight: number;
  // As of the last refresh: what changes in seconds is not computed for every pick.
  relativeLatency = 1;
  penalty = 0;
  peakLatencyMs = 0;
  /** Whether its concurrency is limited while it warms up. */
  private warmsUp = false;

  constructor(
    private entry: PoolMember,
    private readonly limits: StatsLimits,
  ) {
    this.id = entry.id;
    this.hash = textHash(entry.id);
    this.weight = entry.weight;
    if (entry.health === 'warming') this.stats = afterComingUp(this.stats, true);
  }

  get member(): PoolMember {
    return this.entry;
  }

  /** A changed definition starts with empty stats. */
  update(member: PoolMember): void {
    const { health, generation } = this.entry;
    if (member.generation !== generation) {
      this.stats = afterEnabling({ ...EMPTY_STATS, circuit: this.stats.circuit });
    } else if (isWell(member.health) && (health === 'suspect' || health === 'unhealthy')) {
      this.stats = afterComingUp(this.stats, health === 'unhealthy');
    }
    this.entry = member;
    this.weight = member.weight;
  }

  /** An operator enabled it: ejections and penalties are forgotten. */
  clearEjection(): void {
    this.stats = afterEnabling(this.stats);
  }

  get epoch(): number {
    return this.stats.circuit.epoch;
  }

  /** Errors and latency count at once; everything else waits for the next refresh. */
  record(stats: WorkerStats): void {
    const { penalty, latency } = this.stats;
    // What was recorded just now has not decayed yet.
    if (stats.penalty !== penalty) this.penalty = stats.penalty.amount;
    if (stats.latency !== latency) this.peakLatencyMs = stats.latency.ms;
    this.stats = stats;
  }

  /**
   * Brings what depends on time up to date.
   * @param isOtherWarm whether a warm worker can take the load meanwhile; without one, none is limited while it warms up
   */
  refresh(medianMsPerToken: number, nowMs: number, isOtherWarm: boolean): void {
    const { limits, stats } = this;
    this.warmsUp = isOtherWarm;
    this.relativeLatency = relativeLatency(
      stats.outputSpeed,
      medianMsPerToken,
      nowMs,
      limits.speedHalfLifeMs,
    );
    this.penalty = amountAt(stats.penalty, nowMs, limits.penaltyHalfLifeMs);
    this.peakLatencyMs = latencyAt(stats.latency, nowMs, limits.latencyMs);
  }

  get isWarming(): boolean {
    return isWarming(this.stats.circuit);
  }

  /** People and probes let it be used. */
  get isEligible(): boolean {
    return this.entry.isEnabled && this.entry.health !== 'unhealthy' && this.entry.isAsleep !== true;
  }

  /** Requests may wait until it is awake. */
  get isComing(): boolean {
    return this.entry.isEnabled && this.entry.isAsleep === true;
  }

  /** This replica's own requests let it be used. */
  get isInRotation(): boolean {
    return this.stats.circuit.ejectedFor === null;
  }

  get isAvailable(): boolean {
    return this.isEligible && this.isInRotation;
  }

  /** It is ejected, its time is up, and no trial is running. */
  awaitsTrial(nowMs: number): boolean {
    const { circuit } = this.stats;
    return circuit.ejectedFor !== null && allowsRequest(circuit, nowMs);
  }

  /** A trial is running, and requests may wait for its end; they do not wait for one that hangs. */
  isOnTrial(nowMs: number): boolean {
    return this.stats.circuit.trialRunning && nowMs - this.trialSinceMs < TRIAL_WAIT_MS;
  }

  isThrottled(nowMs: number): boolean {
    return nowMs < this.stats.throttledUntilMs;
  }

  /** While warming, one request more than it has served since it came back: the limit doubles with each round. */
  get hasCapacity(): boolean {
    const { concurrencyLimit } = this.entry;
    if (this.inFlight >= concurrencyLimit) return false;
    return !this.warmsUp || !this.isWarming || this.inFlight <= this.stats.circuit.warmSuccesses;
  }

  /** Its own answers outrank a probe: a suspect worker that serves requests is trusted. */
  isTrusted(nowMs: number): boolean {
    if (this.entry.health !== 'suspect') return true;
    const { lastSuccessMs, circuit } = this.stats;
    const isAlive = lastSuccessMs !== null && nowMs - lastSuccessMs < this.limits.aliveMs;
    return isAlive && circuit.failuresInARow === 0;
  }
}

function isWell(health: Health): boolean {
  return health === 'healthy' || health === 'warming';
}

/** Whether waiting may help: until a running request ends, a slot is leased, a trial ends well, or a worker is awake. */
export function isAtCapacity(
  all: readonly PooledWorker[],
  tried: ReadonlySet<string>,
  nowMs: number,
): boolean {
  return all.some(
    (worker) =>
      (worker.isComing && !tried.has(worker.id)) ||
      (worker.isEligible &&
        !tried.has(worker.id) &&
        !worker.isThrottled(nowMs) &&
        (worker.isOnTrial(nowMs) ||
          (!worker.hasCapacity && (worker.isInRotation || worker.awaitsTrial(nowMs))))),
  );
}

/** When the first worker that only time keeps away may be used again; `null`: time alone does not help. */
export function retryInMs(all: readonly PooledWorker[], nowMs: number): number | null {
  let earliest = Infinity;
  for (const { isEligible, stats } of all) {
    const inMs = Math.max(stats.circuit.untilMs, stats.throttledUntilMs) - nowMs;
    if (isEligible && inMs > 0) earliest = Math.min(earliest, inMs);
  }
  return earliest === Infinity ? null : earliest;
}

/** The worker that a key belongs to, full or not, in the tier of the one that was picked for it. */
export function homeAmong(
  all: readonly PooledWorker[],
  picked: PooledWorker,
  affinityKey: string,
): PooledWorker | undefined {
  const { priority } = picked.member;
  const peers = all.filter((worker) => worker.isAvailable && worker.member.priority === priority);
  return peers[firstInOrder(peers, affinityKey, () => true)];
}
