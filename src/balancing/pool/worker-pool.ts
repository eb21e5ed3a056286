import type { Policy } from '../policies/policy.js';
import { afterAcquire } from './circuit.js';
import { afterResult } from './worker-stats.js';
import type { StatsLimits } from './stats-limits.js';
import type { RequestResult } from '../request-result.js';
import { median, msPerToken } from './averages.js';
import { type PoolMember, PooledWorker } from './pooled-worker.js';
import { workersAwaitingTrial, retryInMs, isAtCapacity, isAvailable, usableWorkers } from './availability.js';

/** A request's right to one worker, until it is given back. */
export interface AcquiredWorker {
  readonly standing: PooledWorker;
  readonly isTrial: boolean;
  readonly epoch: number;
  /** The roster's to change. */
  isReleased: boolean;
}

export interface Unavailable {
  /** `full`: waiting may help. `none`: none may be used. */
  readonly why: 'full' | 'none';
  /** When time alone may bring one back; `null`: it won't. */
  readonly retryInMs: number | null;
}

/** What fades or grows by time alone is looked at again after so long; after longer when there are very many. */
const REFRESH_MS = 100;
const REFRESH_MS_PER_WORKER = 1;
/** A pace that was not seen for this many time constants says nothing of what is usual now. */
const STALE_SPEED_WINDOWS = 4;
const NONE: ReadonlySet<string> = new Set();

/** The workers of one model on this replica: lends them, counts, and learns from how requests end. Never waits. */
export class WorkerPool {
  private workers: readonly PooledWorker[] = [];
  /** Gone while requests run there: should they come back, these still count. */
  private departed: readonly PooledWorker[] = [];
  private memory: unknown;
  private usable: readonly PooledWorker[] = [];
  private trials: readonly PooledWorker[] = [];
  private medianMsPerUnit = 0;
  /** Whether there is a worker to lean on while others warm up. */
  private isAnyWarm = false;
  private refreshedAtMs = -Infinity;
  private isOutdated = true;

  /** @param random uniform in [0, 1) */
  constructor(
    private policy: Policy<unknown>,
    private readonly limits: StatsLimits,
    private readonly random: () => number,
  ) {
    this.memory = policy.start;
  }

  get all(): readonly PooledWorker[] {
    return this.workers;
  }

  worker(workerId: string): PooledWorker | undefined {
    return this.workers.find(({ id }) => id === workerId);
  }

  /** Requests that run, on workers that are gone too. */
  get inFlight(): number {
    let sum = 0;
    for (const { inFlight } of this.workers) sum += inFlight;
    for (const { inFlight } of this.departed) sum += inFlight;
    return sum;
  }

  setPolicy(policy: Policy<unknown>): void {
    if (policy === this.policy) return;
    this.policy = policy;
    this.memory = policy.start;
  }

  /** The registry changed. What is known of those that stay is kept. */
  update(members: readonly PoolMember[], nowMs: number): void {
    const all = [...this.departed, ...this.workers];
    const known = new Map(all.map((standing) => [standing.id, standing]));
    this.workers = members.map((member) => {
      const standing = known.get(member.id) ?? new PooledWorker(member, nowMs, this.limits);
      standing.update(member, nowMs);
      return standing;
    });
    const kept = new Set(this.workers);
    this.departed = all.filter((standing) => standing.inFlight > 0 && !kept.has(standing));
    this.refreshedAtMs = -Infinity;
  }

  clearEjection(workerId: string): void {
    this.worker(workerId)?.clearEjection();
    this.refreshedAtMs = -Infinity;
  }

  /** Picks and counts in one step: two requests never see the same moment. */
  acquire(nowMs: number, tried: ReadonlySet<string> = NONE, key?: string): AcquiredWorker | Unavailable {
    this.ensureFresh(nowMs);
    // A request that was already unlucky is no trial.
    const [trial] = tried.size === 0 ? this.trials : [];
    if (trial !== undefined) return this.take(trial, nowMs);
    const candidates = tried.size === 0 ? this.usable : usableWorkers(this.workers, tried, nowMs);
    if (candidates.length === 0) return this.reject(tried, nowMs);
    const pick = this.policy.pick(candidates, this.memory, this.random, key);
    this.memory = pick.memory;
    const standing = candidates[pick.index];
    if (standing === undefined) throw new RangeError(`no candidate ${pick.index} of ${candidates.length}`);
    return this.take(standing, nowMs);
  }

  /** Counts back, once for each loan, and learns. */
  release(loan: AcquiredWorker, outcome: RequestResult, nowMs: number): void {
    if (loan.isReleased) return;
    loan.isReleased = true;
    const { standing } = loan;
    const before = standing.stats;
    const hadRoom = standing.hasCapacity;
    standing.inFlight -= 1;
    const isLastAvailable = outcome.kind !== 'success' && this.isAlone(standing);
    const evidence = { outcome, epoch: loan.epoch, isLastAvailable };
    standing.record(afterResult(before, evidence, nowMs, this.random, this.limits));
    const { circuit, throttledUntilMs: busyUntilMs } = standing.stats;
    this.isOutdated ||=
      !hadRoom ||
      standing.member.health === 'suspect' ||
      busyUntilMs !== before.throttledUntilMs ||
      circuit.ejectedFor !== before.circuit.ejectedFor ||
      circuit.trialRunning !== before.circuit.trialRunning;
  }

  private take(standing: PooledWorker, nowMs: number): AcquiredWorker {
    const { stats: experience } = standing;
    const isTrial = experience.circuit.ejectedFor !== null;
    standing.inFlight += 1;
    if (isTrial) {
      standing.trialSinceMs = nowMs;
      standing.stats = { ...experience, circuit: afterAcquire(experience.circuit) };
    }
    this.isOutdated ||= isTrial || !standing.hasCapacity;
    return { standing, isTrial, epoch: standing.epoch, isReleased: false };
  }

  private isAlone(standing: PooledWorker): boolean {
    return !this.workers.some((other) => other !== standing && isAvailable(other));
  }

  private reject(tried: ReadonlySet<string>, nowMs: number): AcquiredWorker | Unavailable {
    const [trial] = this.trials.filter(({ id }) => !tried.has(id));
    if (trial !== undefined) return this.take(trial, nowMs);
    return {
      why: isAtCapacity(this.workers, tried, nowMs) ? 'full' : 'none',
      retryInMs: retryInMs(this.workers, nowMs),
    };
  }

  private ensureFresh(nowMs: number): void {
    const refreshMs = Math.max(REFRESH_MS, REFRESH_MS_PER_WORKER * this.workers.length);
    if (nowMs - this.refreshedAtMs >= refreshMs) this.refresh(nowMs);
    else if (!this.isOutdated) return;
    this.usable = usableWorkers(this.workers, NONE, nowMs);
    this.trials = workersAwaitingTrial(this.workers, this.usable, nowMs);
    this.isOutdated = false;
  }

  private refresh(nowMs: number): void {
    this.refreshedAtMs = nowMs;
    this.isOutdated = true;
    const sinceMs = nowMs - STALE_SPEED_WINDOWS * this.limits.paceMs;
    const paces = this.workers
      .map(({ stats: { outputSpeed: pace } }) => (pace.atMs >= sinceMs ? msPerToken(pace) : null))
      .filter((pace) => pace !== null);
    this.medianMsPerUnit = median(paces);
    this.isAnyWarm = this.workers.some((standing) => isAvailable(standing) && !standing.isWarming(nowMs));
    for (const standing of this.workers) {
      standing.refresh(this.medianMsPerUnit, nowMs, this.isAnyWarm);
    }
  }
}
