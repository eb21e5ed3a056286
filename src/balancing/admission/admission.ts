import type { AdmissionLimits, Priority } from '../../config/balancing-settings.js';
import type { AcquiredWorker, FinishedAttempt, Unavailable } from '../pool/acquired-worker.js';
import type { WorkerPool } from '../pool/worker-pool.js';
import type { RequestResult } from '../request-result.js';
import { BulkRuns } from './bulk-runs.js';
import type { Clock } from './clock.js';
import { Patience } from './patience.js';
import { capacityOf, roomOf } from './room.js';
import { NO_TENANT, type Tenant } from './tenant.js';
import { Traffic } from './traffic.js';
import { inSeconds, nextSide, retryAfterS, UNKNOWN_RETRY_AFTER_S } from './turn-rules.js';
import type { QueueEntry, Rejection, Waiter } from './waiter.js';
import { type Line, WaitingQueues } from './waiting-queues.js';

/** While requests wait: time alone makes workers available, too. */
const RECHECK_MS = 100;
const NO_CLOCK = (): void => undefined;

/**
 * The way to a model's workers: at once, in turn, or not at all. The tenant that has used least goes first, and of its requests
 * `interactive` before `default`, each first come, first served. Bulk takes what is idle, and its floor; when another request finds no slot, a young bulk request makes room for it.
 */
export class Admission {
  readonly queues = new WaitingQueues();
  private readonly bulk = new BulkRuns();
  private readonly traffic = new Traffic();
  private stopRechecking: (() => void) | null = null;
  private readonly patience: Patience;

  constructor(
    readonly workerPool: WorkerPool,
    private readonly clock: Clock,
    private limits: AdmissionLimits,
    private readonly random: () => number = Math.random,
  ) {
    this.patience = new Patience(workerPool);
  }

  /** For requests that come from now on; those that wait may wait longer. */
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
  acquireNow(
    nowMs: number,
    tried: ReadonlySet<string>,
    affinityKey?: () => string,
    tenant: Tenant = NO_TENANT,
  ): AcquiredWorker | null {
    if (this.queues.live > 0) return null;
    const result = this.workerPool.acquire(nowMs, tried, affinityKey);
    if (!('worker' in result)) return null;
    this.traffic.liveStarted(nowMs);
    this.queues.started(tenant, 'default', nowMs);
    return result;
  }

  /**
   * Answers once: at once if it can, else when its turn has come or its time is up.
   * @returns leaves the queue; answers nothing more. Without effect when it has been answered
   */
  enter(waiter: Waiter, answer: (result: AcquiredWorker | Rejection) => void): () => void {
    const nowMs = this.clock.nowMs();
    const { priority } = waiter;
    // Waiting requests were here first; only a retry may pass one that waits for a worker it has tried.
    if (priority === 'bulk' ? this.queues.size === 0 && this.mayStartBulk(nowMs) : this.queues.live === 0) {
      const result = this.acquire(waiter, false, nowMs);
      if ('worker' in result || result.why === 'none') {
        answer(this.answerOf(result));
        return () => undefined;
      }
    }
    return this.queue(waiter, answer, nowMs);
  }

  /** @param by the waiter's, or what `acquireNow` was called with */
  release(
    acquired: AcquiredWorker,
    result: RequestResult,
    by: Pick<Waiter, 'tenant' | 'priority'> = {},
  ): void {
    const nowMs = this.clock.nowMs();
    this.traffic.ended(nowMs);
    this.queues.ended(by.tenant ?? NO_TENANT, by.priority ?? 'default', nowMs);
    if (this.bulk.size > 0) this.bulk.end(acquired, result.kind === 'success', nowMs);
    this.workerPool.release(acquired, result, nowMs);
    this.serveQueue();
  }

  /** The call of a bulk request was cut: it says nothing about the worker, and nothing was served. */
  releaseCut(acquired: AcquiredWorker, tenant: Tenant = NO_TENANT): void {
    const nowMs = this.clock.nowMs();
    this.queues.ended(tenant, 'bulk', nowMs);
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
    const { queues, bulk } = this;
    if (queues.bulk > 0) bulk.waits(this.workerPool.inFlight, nowMs);
    const passed = new Set<Line>();
    for (;;) {
      const isOwed = queues.bulk > 0 && bulk.isOwed;
      const turns = { live: queues.next('live', passed, nowMs), bulk: queues.next('bulk', passed, nowMs) };
      const side = nextSide(
        { live: turns.live === null ? 0 : 1, bulk: turns.bulk === null ? 0 : 1 },
        { isOwed, mayStart: turns.bulk !== null && this.mayStartBulk(nowMs) },
      );
      const turn = side === null ? null : turns[side];
      if (side === null || turn === null) return;
      const outcome = this.serve(turn.line, isOwed, nowMs);
      if (outcome === 'full') return;
      if (outcome === 'none') passed.add(turn.line);
      else queues.picked(side, turn);
    }
  }

  /**
   * Serves the first request of a line that can be.
   * @returns `full`: no request can be served now. `none`: none of this line can be
   */
  private serve(line: Line, isOwed: boolean, nowMs: number): 'served' | 'none' | 'full' {
    for (const entry of line.entries) {
      const result = this.acquire(entry.waiter, isOwed, nowMs);
      if ('worker' in result || result.why !== 'full') {
        this.answer(entry, this.answerOf(result));
        return 'served';
      }
      // A request that has tried no worker can use any: none behind it can be served either.
      if (entry.waiter.tried.size === 0) return 'full';
    }
    return 'none';
  }

  private acquire(waiter: Waiter, isOwed: boolean, nowMs: number): AcquiredWorker | Unavailable {
    const { priority = 'default', tenant = NO_TENANT, tried, affinityKey, cut } = waiter;
    const result = this.workerPool.acquire(nowMs, tried, affinityKey);
    if (!('worker' in result)) return result;
    if (priority === 'bulk') this.bulk.begin(result, cut, isOwed, nowMs);
    else this.traffic.liveStarted(nowMs);
    this.queues.started(tenant, priority, nowMs);
    return result;
  }

  mayStartBulk(nowMs: number): boolean {
    return this.traffic.mayStartBulk(roomOf(this.workerPool.all), this.limits.bulkShare, nowMs);
  }

  private queue(
    waiter: Waiter,
    answer: (result: AcquiredWorker | Rejection) => void,
    nowMs: number,
  ): () => void {
    const { priority = 'default', tenant = NO_TENANT } = waiter;
    const entry: QueueEntry = { sinceMs: nowMs, tenant, priority, waiter, answer, stopClock: NO_CLOCK };
    this.limitWait(entry, nowMs);
    const wasCut = (waiter.cut?.cuts ?? 0) > 0;
    this.queues.add(entry, wasCut, nowMs);
    const places = capacityOf(this.workerPool.all, this.limits, this.patience.ofMs(this.limits, nowMs));
    // One that was cut had its place.
    const loser = wasCut ? null : this.queues.loser(places, this.limits.mostWaiting, nowMs);
    if (loser !== null) this.reject(loser, 'full');
    if (this.queues.size > 1 || priority === 'bulk') this.serveQueue();
    this.keepRechecking();
    if (priority !== 'bulk' && this.queues.has(entry))
      this.bulk.makeRoom(this.queues.live, waiter.tried, nowMs);
    return () => this.remove(entry);
  }

  /** A worker may fall asleep while the request waits: when its time is up, it may have more. */
  private limitWait(entry: QueueEntry, nowMs: number): void {
    const endMs = this.patience.endMs(entry, this.limits, nowMs);
    if (endMs === Infinity) return;
    entry.stopClock = this.clock.after(Math.max(0, endMs - nowMs), () => {
      const laterMs = this.clock.nowMs();
      if (this.patience.endMs(entry, this.limits, laterMs) > endMs) this.limitWait(entry, laterMs);
      else this.reject(entry, 'waited');
    });
  }

  private answer(entry: QueueEntry, result: AcquiredWorker | Rejection): void {
    if (this.remove(entry)) entry.answer(result);
  }

  private remove(entry: QueueEntry): boolean {
    entry.stopClock();
    const wasThere = this.queues.remove(entry);
    if (entry.priority === 'bulk' && this.queues.bulk === 0) this.bulk.noneWaits();
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
      this.patience.look(this.clock.nowMs());
      this.serveQueue();
      this.keepRechecking();
    });
  }

  private answerOf(result: AcquiredWorker | Unavailable): AcquiredWorker | Rejection {
    if ('worker' in result) return result;
    const { retryInMs } = result;
    return { reason: 'none', retryAfterS: retryInMs === null ? UNKNOWN_RETRY_AFTER_S : inSeconds(retryInMs) };
  }

  private reject(entry: QueueEntry, reason: 'full' | 'waited'): void {
    const { tenant, priority } = entry;
    const perMs = this.traffic.servedPerMs(this.clock.nowMs());
    const requests = this.queues.aheadOf(tenant, priority);
    this.answer(entry, { reason, retryAfterS: retryAfterS(requests, perMs, this.random()) });
  }
}
