import type { AdmissionLimits, Priority } from '../../config/balancing-settings.js';
import type { AcquiredWorker, FinishedAttempt, Unavailable, WorkerPool } from '../pool/worker-pool.js';
import type { RequestResult } from '../request-result.js';
import { BulkRuns } from './bulk-runs.js';
import type { Clock } from './clock.js';
import { capacityOf, roomOf } from './room.js';
import { Traffic } from './traffic.js';
import { aheadOf, inSeconds, loserOf, nextOf, retryAfterS, UNKNOWN_RETRY_AFTER_S } from './turn-rules.js';
import { type QueueEntry, type Rejection, type Waiter, WaitingQueues } from './waiting-queues.js';

/** While requests wait: time alone makes workers available, too. */
const RECHECK_MS = 100;

/**
 * The way to a model's workers: at once, in turn, or not at all. `interactive` goes before `default`, each first come, first
 * served. Bulk takes what is idle, and its floor; when another request finds no slot, a young bulk request makes room for it.
 */
export class Admission {
  private readonly queues = new WaitingQueues();
  private readonly bulk = new BulkRuns();
  private readonly traffic = new Traffic();
  private stopRechecking: (() => void) | null = null;
  /** When a worker was last known to be asleep or waking. */
  private lastComingMs = -Infinity;

  constructor(
    readonly workerPool: WorkerPool,
    private readonly clock: Clock,
    private limits: AdmissionLimits,
    private readonly random: () => number = Math.random,
  ) {}

  /** For requests that come from now on. */
  setLimits(limits: AdmissionLimits): void {
    this.limits = limits;
  }

  get queued(): number {
    return this.queues.size;
  }

  /** Of `default`, and of the other classes that have waited. */
  queuedByClass(): Readonly<Partial<Record<Priority, number>>> {
    return this.queues.used();
  }

  /** How long the first in the queue has waited; 0: none waits. */
  longestWaitMs(): number {
    const nowMs = this.clock.nowMs();
    return nowMs - (this.queues.oldestMs() ?? nowMs);
  }

  /** A worker for a request that is not bulk, if it need not wait. */
  acquireNow(nowMs: number, tried: ReadonlySet<string>, affinityKey?: () => string): AcquiredWorker | null {
    if (this.queues.live > 0) return null;
    const result = this.workerPool.acquire(nowMs, tried, affinityKey);
    if ('worker' in result) this.traffic.liveStarted(nowMs);
    return 'worker' in result ? result : null;
  }

  /**
   * Answers once: at once if it can, else when its turn has come or its time is up.
   * @returns leaves the queue; answers nothing more. Without effect when it has been answered
   */
  enter(waiter: Waiter, answer: (result: AcquiredWorker | Rejection) => void): () => void {
    const nowMs = this.clock.nowMs();
    const { priority = 'default', cut } = waiter;
    // Waiting requests were here first; only a retry may pass one that waits for a worker it has tried.
    if (priority === 'bulk' ? this.queues.size === 0 && this.mayStartBulk(nowMs) : this.queues.live === 0) {
      const result = this.acquire(waiter, false, nowMs);
      if ('worker' in result || result.why === 'none') {
        answer(this.answerOf(result));
        return () => undefined;
      }
    }
    // One that was cut had its place.
    if ((cut?.cuts ?? 0) === 0 && !this.makePlace(priority, nowMs)) {
      answer({ reason: 'full', retryAfterS: this.retryAfterS(priority, 1) });
      return () => undefined;
    }
    return this.queue(priority, waiter, answer, nowMs);
  }

  release(acquired: AcquiredWorker, result: RequestResult): void {
    const nowMs = this.clock.nowMs();
    this.traffic.ended(nowMs);
    if (this.bulk.size > 0) this.bulk.end(acquired, result.kind === 'success', nowMs);
    this.workerPool.release(acquired, result, nowMs);
    this.serveQueue();
  }

  /** The call of a bulk request was cut: it says nothing about the worker, and nothing was served. */
  releaseCut(acquired: AcquiredWorker): void {
    const nowMs = this.clock.nowMs();
    this.bulk.end(acquired, false, nowMs);
    this.workerPool.release(acquired, { kind: 'neutral' }, nowMs);
    this.serveQueue();
  }

  /** Judges the failed attempts of a request that is over. */
  settle(attempts: readonly FinishedAttempt[]): void {
    this.workerPool.settle(attempts, this.clock.nowMs());
    this.serveQueue();
  }

  /** Admits the requests that can be; to be called when workers came or changed. */
  serveQueue(): void {
    if (this.queues.size === 0) return;
    const nowMs = this.clock.nowMs();
    const left = this.queues.counts();
    if (left.bulk > 0) this.bulk.waits(this.workerPool.inFlight, nowMs);
    for (;;) {
      const isOwed = left.bulk > 0 && this.bulk.isOwed;
      const next = nextOf(left, { isOwed, mayStart: left.bulk > 0 && this.mayStartBulk(nowMs) });
      if (next === null) return;
      const outcome = this.serve(next, isOwed, nowMs);
      if (outcome === 'full') return;
      left[next] = outcome === 'one' ? this.queues.of(next).size : 0;
    }
  }

  /**
   * Serves all of a class that can be, of bulk the first.
   * @returns `full`: no request can be served now. `one`: one of bulk was. `all`: none that is left can be
   */
  private serve(priority: Priority, isOwed: boolean, nowMs: number): 'full' | 'one' | 'all' {
    for (const entry of this.queues.of(priority)) {
      const result = this.acquire(entry.waiter, isOwed, nowMs);
      const mustWait = !('worker' in result) && result.why === 'full';
      if (!mustWait) {
        this.answer(entry, this.answerOf(result));
        if (priority === 'bulk') return 'one';
      }
      // A request that has tried no worker can use any: none behind it can be served either.
      else if (entry.waiter.tried.size === 0) return 'full';
    }
    return 'all';
  }

  private acquire(
    { priority, tried, affinityKey, cut }: Waiter,
    isOwed: boolean,
    nowMs: number,
  ): AcquiredWorker | Unavailable {
    const result = this.workerPool.acquire(nowMs, tried, affinityKey);
    if (!('worker' in result)) return result;
    if (priority === 'bulk') this.bulk.begin(result, cut, isOwed, nowMs);
    else this.traffic.liveStarted(nowMs);
    return result;
  }

  mayStartBulk(nowMs: number): boolean {
    return this.traffic.mayStartBulk(roomOf(this.workerPool.all), this.limits.bulkShare, nowMs);
  }

  private queue(
    priority: Priority,
    waiter: Waiter,
    answer: (result: AcquiredWorker | Rejection) => void,
    nowMs: number,
  ): () => void {
    const patienceMs = priority === 'bulk' ? Infinity : this.patienceMs(nowMs);
    const waitMs = Math.max(0, Math.min(patienceMs, waiter.deadlineMs - nowMs));
    const timeUp = (): void =>
      this.answer(entry, { reason: 'waited', retryAfterS: this.retryAfterS(priority, 0) });
    const stopClock = waitMs === Infinity ? () => undefined : this.clock.after(waitMs, timeUp);
    const entry: QueueEntry = { sinceMs: nowMs, priority, waiter, answer, stopClock };
    if ((waiter.cut?.cuts ?? 0) > 0) this.queues.addFirst(entry);
    else this.queues.add(entry);
    if (this.queues.size > 1 || priority === 'bulk') this.serveQueue();
    this.keepRechecking();
    if (priority !== 'bulk' && this.queues.has(entry))
      this.bulk.makeRoom(this.queues.live, waiter.tried, nowMs);
    return () => this.remove(entry);
  }

  /** What piled up while a worker was woken must be worked off afterwards, so the longer limit holds for as long again. */
  private patienceMs(nowMs: number): number {
    const { maxWaitMs, holdMs } = this.limits;
    if (this.workerPool.all.some(({ isComing }) => isComing)) this.lastComingMs = nowMs;
    return nowMs - this.lastComingMs < holdMs ? Math.max(maxWaitMs, holdMs) : maxWaitMs;
  }

  private answer(entry: QueueEntry, result: AcquiredWorker | Rejection): void {
    if (this.remove(entry)) entry.answer(result);
  }

  private remove(entry: QueueEntry): boolean {
    entry.stopClock();
    const wasThere = this.queues.remove(entry);
    if (entry.priority === 'bulk' && this.queues.of('bulk').size === 0) this.bulk.noneWaits();
    if (this.queues.size === 0) {
      this.stopRechecking?.();
      this.stopRechecking = null;
    }
    return wasThere;
  }

  private keepRechecking(): void {
    if (this.stopRechecking !== null || this.queues.size === 0) return;
    this.stopRechecking = this.clock.after(RECHECK_MS, () => {
      this.stopRechecking = null;
      this.serveQueue();
      this.keepRechecking();
    });
  }

  /** A place for a request that comes; another one may lose its own for it. @returns whether there is one */
  private makePlace(priority: Priority, nowMs: number): boolean {
    const counts = this.queues.counts();
    counts[priority] += 1;
    const loser = loserOf(counts, capacityOf(this.workerPool.all, this.limits, this.patienceMs(nowMs)));
    if (loser === null) return true;
    if (loser === priority) return false;
    const newest = this.queues.newest(loser);
    if (newest !== undefined)
      this.answer(newest, { reason: 'full', retryAfterS: this.retryAfterS(loser, 0) });
    return newest !== undefined;
  }

  private answerOf(result: AcquiredWorker | Unavailable): AcquiredWorker | Rejection {
    if ('worker' in result) return result;
    const { retryInMs } = result;
    return { reason: 'none', retryAfterS: retryInMs === null ? UNKNOWN_RETRY_AFTER_S : inSeconds(retryInMs) };
  }

  /** @param more besides those that wait */
  private retryAfterS(priority: Priority, more: number): number {
    const perMs = this.traffic.servedPerMs(this.clock.nowMs());
    return retryAfterS(aheadOf(priority, this.queues.counts()) + more, perMs, this.random());
  }
}
