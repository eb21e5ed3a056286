import type { Policy } from '../policies/policy.js';
import { RateWindow, median, msPerToken } from './averages.js';
import type { RequestResult } from '../request-result.js';
import {
  homeAmong,
  isAtCapacity,
  retryInMs,
  usableWorkers,
  workersAwaitingTrial,
  type PoolMember,
  PooledWorker,
} from './pooled-worker.js';
import { blame, counts, type EndedAttempt } from './blame.js';
import {
  afterAcquire,
  afterFailure,
  afterNeutral,
  type Circuit,
  type EjectionReason,
  isEjectedByAnswers,
} from './circuit.js';
import type { StatsLimits } from '../../config/balancing-settings.js';
import { afterResult } from './worker-stats.js';

/** A request's right to one worker, until it is released. */
export interface AcquiredWorker {
  readonly worker: PooledWorker;
  readonly isTrial: boolean;
  readonly epoch: number;
  /** Changed by the pool alone. */
  isReleased: boolean;
}

/** One attempt of a request that is over. */
export interface FinishedAttempt extends EndedAttempt {
  readonly acquired: AcquiredWorker;
}

export interface Unavailable {
  /** `full`: waiting may help. `none`: no worker may be used. */
  readonly why: 'full' | 'none';
  /** When time alone may bring a worker back; `null`: it does not. */
  readonly retryInMs: number | null;
}

/** What changes by time alone is looked at this often; less often when there are very many workers. */
const REFRESH_MS = 100;
const REFRESH_MS_PER_WORKER = 1;
/** A speed not seen for this many time constants does not count towards the median. */
const STALE_SPEED_WINDOWS = 4;
/** Of a model's workers, ejected by answers at once. [Envoy: max_ejection_percent] */
const MAX_EJECTED_SHARE = 0.5;
const NONE: ReadonlySet<string> = new Set();

/** The workers of one model on this replica: picks, counts, and learns from how requests end. Never waits. */
export class WorkerPool {
  private workers: readonly PooledWorker[] = [];
  private byId: ReadonlyMap<string, PooledWorker> = new Map();
  /** Removed while requests run there: should they come back, these still count. */
  private departed: readonly PooledWorker[] = [];
  private memory: unknown;
  private usable: readonly PooledWorker[] = [];
  private trials: readonly PooledWorker[] = [];
  private refreshedAtMs = -Infinity;
  private isOutdated = true;
  private readonly requestFaults: RateWindow;
  private readonly workerFaults: RateWindow;

  /**
   * @param random uniform in [0, 1)
   * @param onAffinity called when a worker was picked by a key
   */
  constructor(
    private policy: Policy<unknown>,
    private readonly limits: StatsLimits,
    private readonly random: () => number,
    private readonly onAffinity: (isHome: boolean) => void = () => {},
  ) {
    this.memory = policy.start;
    this.requestFaults = new RateWindow(limits.successWindowMs);
    this.workerFaults = new RateWindow(limits.successWindowMs);
  }

  get all(): readonly PooledWorker[] {
    return this.workers;
  }

  worker(workerId: string): PooledWorker | undefined {
    return this.byId.get(workerId);
  }

  /** Running requests, those on removed workers included. */
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

  /** Takes over the registry's members. The stats of those that stay are kept. */
  update(members: readonly PoolMember[]): void {
    const all = [...this.departed, ...this.workers];
    const known = new Map(all.map((worker) => [worker.id, worker]));
    this.workers = members.map((member) => {
      const worker = known.get(member.id) ?? new PooledWorker(member, this.limits);
      worker.update(member);
      return worker;
    });
    this.byId = new Map(this.workers.map((worker) => [worker.id, worker]));
    this.departed = all.filter((worker) => worker.inFlight > 0 && !this.byId.has(worker.id));
    this.refreshedAtMs = -Infinity;
  }

  clearEjection(workerId: string): void {
    this.worker(workerId)?.clearEjection();
    this.refreshedAtMs = -Infinity;
  }

  /** Picks and counts in one step: two requests never see the same state. */
  acquire(
    nowMs: number,
    tried: ReadonlySet<string> = NONE,
    affinityKey?: () => string,
  ): AcquiredWorker | Unavailable {
    this.ensureFresh(nowMs);
    // A request that failed once is not used for a trial.
    const [trial] = tried.size === 0 ? this.trials : [];
    if (trial !== undefined) return this.take(trial, nowMs);
    const candidates = tried.size === 0 ? this.usable : usableWorkers(this.workers, tried, nowMs);
    if (candidates.length === 0) return this.reject(tried, nowMs);
    const key = this.policy.usesKey === true ? affinityKey?.() || undefined : undefined;
    const pick = this.policy.pick(candidates, this.memory, this.random, key);
    this.memory = pick.memory;
    const worker = candidates[pick.index];
    if (worker === undefined) throw new RangeError(`no candidate ${pick.index} of ${candidates.length}`);
    if (key !== undefined) this.onAffinity(homeAmong(this.workers, worker, key) === worker);
    return this.take(worker, nowMs);
  }

  /** Counts back, once for each acquired worker, and learns. */
  release(acquired: AcquiredWorker, result: RequestResult, nowMs: number): void {
    if (acquired.isReleased) return;
    acquired.isReleased = true;
    const { worker } = acquired;
    const before = worker.stats;
    const hadCapacity = worker.hasCapacity;
    worker.inFlight -= 1;
    const isLastAvailable = result.kind !== 'success' && this.isLastAvailable(worker);
    const observed = { result, epoch: acquired.epoch, isLastAvailable };
    worker.record(afterResult(before, observed, nowMs, this.random, this.limits));
    const { circuit, throttledUntilMs } = worker.stats;
    this.isOutdated ||=
      !hadCapacity ||
      worker.member.health === 'suspect' ||
      throttledUntilMs !== before.throttledUntilMs ||
      circuit.ejectedFor !== before.circuit.ejectedFor ||
      circuit.trialRunning !== before.circuit.trialRunning;
  }

  /** Decides what the failed attempts of a request say about their workers, once the request is over. */
  settle(attempts: readonly FinishedAttempt[], nowMs: number): void {
    const verdicts = blame(attempts);
    if (verdicts.includes('request')) this.requestFaults.add(nowMs);
    if (verdicts.includes('worker')) this.workerFaults.add(nowMs);
    const recent = { requests: this.requestFaults.count(nowMs), workers: this.workerFaults.count(nowMs) };
    for (const [index, { acquired, kind }] of attempts.entries()) {
      const verdict = verdicts[index] ?? 'none';
      const { worker, epoch } = acquired;
      if (verdict === 'none' || epoch !== worker.epoch) continue;
      const before = worker.stats.circuit;
      const reason = kind === 'access_denied' ? kind : 'failure';
      const circuit = counts(verdict, kind, recent)
        ? this.afterBlame(worker, before, reason, nowMs)
        : afterNeutral(before);
      worker.stats = { ...worker.stats, circuit };
      this.isOutdated = true;
    }
  }

  private afterBlame(worker: PooledWorker, before: Circuit, reason: EjectionReason, nowMs: number): Circuit {
    const isLastAvailable = this.isLastAvailable(worker);
    const surroundings = { isLastAvailable, mayEject: !isLastAvailable && this.mayEjectAnother() };
    return afterFailure(before, reason, surroundings, nowMs, this.random, this.limits);
  }

  private mayEjectAnother(): boolean {
    const ejected = this.workers.filter(({ stats }) => isEjectedByAnswers(stats.circuit)).length;
    return ejected + 1 <= MAX_EJECTED_SHARE * this.workers.length;
  }

  private take(worker: PooledWorker, nowMs: number): AcquiredWorker {
    const { stats } = worker;
    const isTrial = stats.circuit.ejectedFor !== null;
    worker.inFlight += 1;
    if (isTrial) {
      worker.trialSinceMs = nowMs;
      worker.stats = { ...stats, circuit: afterAcquire(stats.circuit) };
    }
    this.isOutdated ||= isTrial || !worker.hasCapacity;
    return { worker, isTrial, epoch: worker.epoch, isReleased: false };
  }

  private isLastAvailable(worker: PooledWorker): boolean {
    return !this.workers.some((other) => other !== worker && other.isAvailable);
  }

  private reject(tried: ReadonlySet<string>, nowMs: number): AcquiredWorker | Unavailable {
    const trial = this.trials.find(({ id }) => !tried.has(id));
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
    const sinceMs = nowMs - STALE_SPEED_WINDOWS * this.limits.speedMs;
    const speeds = this.workers
      .map(({ stats: { outputSpeed } }) => (outputSpeed.atMs >= sinceMs ? msPerToken(outputSpeed) : null))
      .filter((speed) => speed !== null);
    const medianMsPerToken = median(speeds);
    const isAnyWarm = this.workers.some((worker) => worker.isAvailable && !worker.isWarming);
    for (const worker of this.workers) worker.refresh(medianMsPerToken, nowMs, isAnyWarm);
  }
}
