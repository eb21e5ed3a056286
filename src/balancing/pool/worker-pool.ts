import type { Policy } from '../policies/policy.js';
import { RateWindow } from './averages.js';
import type { RequestResult } from '../request-result.js';
import { homeAmong, isAtCapacity, retryInMs, type PoolMember, PooledWorker } from './pooled-worker.js';
import { UsableWorkers } from './usable-workers.js';
import type { AcquiredWorker, Choice, FinishedAttempt, Peek, Unavailable } from './acquired-worker.js';
import { blame, counts } from './blame.js';
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

/** Of a model's workers, ejected by answers at once. [Envoy: max_ejection_percent] */
const MAX_EJECTED_SHARE = 0.5;
const NONE: ReadonlySet<string> = new Set();

/** The workers of one model on this replica: picks, counts, and learns from how requests end. Never waits. */
export class WorkerPool {
  private byId: ReadonlyMap<string, PooledWorker> = new Map();
  /** Removed while requests run there: should they come back, these still count. */
  private departed: readonly PooledWorker[] = [];
  private memory: unknown;
  private usable: UsableWorkers;
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
    this.usable = new UsableWorkers(limits);
    this.requestFaults = new RateWindow(limits.successWindowMs);
    this.workerFaults = new RateWindow(limits.successWindowMs);
  }

  get all(): readonly PooledWorker[] {
    return this.usable.all;
  }

  worker(workerId: string): PooledWorker | undefined {
    return this.byId.get(workerId);
  }

  /** Running requests, those on removed workers included. */
  get inFlight(): number {
    let sum = 0;
    for (const { inFlight } of this.all) sum += inFlight;
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
    const all = [...this.departed, ...this.all];
    const known = new Map(all.map((worker) => [worker.id, worker]));
    const workers = members.map((member) => {
      const worker = known.get(member.id) ?? new PooledWorker(member, this.limits);
      worker.update(member);
      return worker;
    });
    this.byId = new Map(workers.map((worker) => [worker.id, worker]));
    this.departed = all.filter((worker) => worker.inFlight > 0 && !this.byId.has(worker.id));
    this.usable.replace(workers);
  }

  clearEjection(workerId: string): void {
    this.worker(workerId)?.clearEjection();
    this.usable.expire();
  }

  /** Picks and counts in one step: two requests never see the same state. */
  acquire(
    nowMs: number,
    tried: ReadonlySet<string> = NONE,
    affinityKey?: () => string,
  ): AcquiredWorker | Unavailable {
    const choice = this.choose(nowMs, tried, affinityKey);
    if ('why' in choice) return choice;
    this.memory = choice.memory;
    return this.take(choice.worker, nowMs);
  }

  /**
   * What `acquire` would do now, as often as `draws` says: a strategy may leave it to chance. Nothing is counted or
   * remembered: the next picks are the same as without.
   * @param random in place of the pool's own
   */
  peek(
    nowMs: number,
    tried: ReadonlySet<string>,
    affinityKey: (() => string) | undefined,
    random: () => number,
    draws: number,
  ): Peek {
    const copy = new WorkerPool(this.policy, this.limits, random);
    copy.memory = this.memory;
    copy.usable = this.usable.copy();
    const outcomes = Array.from({ length: draws }, () => copy.choose(nowMs, tried, affinityKey));
    return { workers: copy.all, outcomes };
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
    if (
      !hadCapacity ||
      worker.member.health === 'suspect' ||
      throttledUntilMs !== before.throttledUntilMs ||
      circuit.ejectedFor !== before.circuit.ejectedFor ||
      circuit.trialRunning !== before.circuit.trialRunning
    )
      this.usable.outdate();
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
      this.usable.outdate();
    }
  }

  private afterBlame(worker: PooledWorker, before: Circuit, reason: EjectionReason, nowMs: number): Circuit {
    const isLastAvailable = this.isLastAvailable(worker);
    const surroundings = { isLastAvailable, mayEject: !isLastAvailable && this.mayEjectAnother() };
    return afterFailure(before, reason, surroundings, nowMs, this.random, this.limits);
  }

  private mayEjectAnother(): boolean {
    const ejected = this.all.filter(({ stats }) => isEjectedByAnswers(stats.circuit)).length;
    return ejected + 1 <= MAX_EJECTED_SHARE * this.all.length;
  }

  private take(worker: PooledWorker, nowMs: number): AcquiredWorker {
    const { stats } = worker;
    const isTrial = stats.circuit.ejectedFor !== null;
    worker.inFlight += 1;
    worker.lastUsedMs = nowMs;
    if (isTrial) {
      worker.trialSinceMs = nowMs;
      worker.stats = { ...stats, circuit: afterAcquire(stats.circuit) };
    }
    if (isTrial || !worker.hasCapacity) this.usable.outdate();
    return { worker, isTrial, epoch: worker.epoch, isReleased: false };
  }

  private isLastAvailable(worker: PooledWorker): boolean {
    return !this.all.some((other) => other !== worker && other.isAvailable);
  }

  private choose(
    nowMs: number,
    tried: ReadonlySet<string>,
    affinityKey: (() => string) | undefined,
  ): Choice | Unavailable {
    this.usable.ensureFresh(nowMs);
    const among = this.usable.except(tried, nowMs);
    // A request that failed once gets a trial only where nothing else is left.
    const isForTrial = tried.size === 0 || among.length === 0;
    const trial = isForTrial ? this.usable.trials.find(({ id }) => !tried.has(id)) : undefined;
    if (trial !== undefined) return { worker: trial, among: [trial], memory: this.memory };
    if (among.length === 0)
      return {
        why: isAtCapacity(this.all, tried, nowMs) ? 'full' : 'none',
        retryInMs: retryInMs(this.all, nowMs),
      };
    const key = this.policy.usesKey === true ? affinityKey?.() || undefined : undefined;
    const { index, memory } = this.policy.pick(among, this.memory, this.random, key);
    const worker = among[index];
    if (worker === undefined) throw new RangeError(`no candidate ${index} of ${among.length}`);
    if (key !== undefined) this.onAffinity(homeAmong(this.all, worker, key) === worker);
    return { worker, among, memory };
  }
}
