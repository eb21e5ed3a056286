import type { AcquiredWorker, FinishedAttempt, Unavailable, WorkerPool } from '../pool/worker-pool.js';
import type { RequestResult } from '../request-result.js';
import { RateWindow } from '../pool/averages.js';
import type { AdmissionLimits } from '../../config/balancing-settings.js';
import { isAnswerFailure } from '../pool/blame.js';

/** Time, as far as waiting needs it: the real one, or one in which an hour passes in a second. */
export interface Clock {
  /** Never goes back. */
  nowMs(): number;
  /** @returns cancels it */
  after(delayMs: number, run: () => void): () => void;
}

export const REAL_CLOCK: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** A request that needs a worker. */
export interface Waiter {
  /** Ids of workers that are not used again. */
  readonly tried: ReadonlySet<string>;
  readonly affinityKey?: () => string;
  /** By the clock; `Infinity`: there is none. */
  readonly deadlineMs: number;
}

export interface Rejection {
  /** `none`: no worker may be used. `full`: the queue is full. `waited`: its time was up before its turn came. */
  readonly reason: 'none' | 'full' | 'waited';
  /** When it is worth trying again; at least 1. */
  readonly retryAfterS: number;
}

interface QueueEntry {
  readonly sinceMs: number;
  readonly waiter: Waiter;
  readonly answer: (result: AcquiredWorker | Rejection) => void;
  readonly stopClock: () => void;
}

const RATE_MS = 10_000;
const MAX_RETRY_AFTER_S = 60;

/** If it is unknown when a worker will be back: about two probes. */
const UNKNOWN_RETRY_AFTER_S = 5;

/** While requests wait: time alone makes workers available, too. */
const RECHECK_MS = 100;

/** The way to a model's workers: at once, in turn, or not at all. First come, first served. */
export class Admission {
  private readonly waiting = new Set<QueueEntry>();
  private readonly done = new RateWindow(RATE_MS);
  private stopRechecking: (() => void) | null = null;
  /** When a worker was last known to be asleep or waking. */
  private lastComingMs = -Infinity;

  constructor(
    readonly workerPool: WorkerPool,
    private readonly clock: Clock,
    private limits: AdmissionLimits,
  ) {}

  /** For requests that come from now on. */
  setLimits(limits: AdmissionLimits): void {
    this.limits = limits;
  }

  get queued(): number {
    return this.waiting.size;
  }

  /** How long the first in the queue has waited; 0: none waits. */
  longestWaitMs(): number {
    for (const { sinceMs } of this.waiting) return this.clock.nowMs() - sinceMs;
    return 0;
  }

  /**
   * Answers once: at once if it can, else when its turn has come or its time is up.
   * @returns leaves the queue; answers nothing more. Without effect when it has been answered
   */
  enter(waiter: Waiter, answer: (result: AcquiredWorker | Rejection) => void): () => void {
    const nowMs = this.clock.nowMs();
    // Waiting requests were here first; only a retry may pass one that waits for a worker it has tried.
    if (this.waiting.size === 0) {
      const result = this.workerPool.acquire(nowMs, waiter.tried, waiter.affinityKey);
      if ('worker' in result || result.why === 'none') {
        answer(this.answerOf(result));
        return () => undefined;
      }
    }
    if (this.waiting.size >= this.queueCapacity()) {
      answer({ reason: 'full', retryAfterS: this.queueDrainS(this.waiting.size + 1) });
      return () => undefined;
    }
    return this.queue(waiter, answer, nowMs);
  }

  release(acquired: AcquiredWorker, result: RequestResult): void {
    const nowMs = this.clock.nowMs();
    this.done.add(nowMs);
    this.workerPool.release(acquired, result, nowMs);
    this.serveQueue();
  }

  /** Judges the failed attempts of a request that is over. */
  settle(attempts: readonly FinishedAttempt[]): void {
    this.workerPool.settle(attempts, this.clock.nowMs());
    this.serveQueue();
  }

  /** Admits the requests that can be; to be called when workers came or changed. */
  serveQueue(): void {
    const nowMs = this.clock.nowMs();
    for (const entry of this.waiting) {
      const result = this.workerPool.acquire(nowMs, entry.waiter.tried, entry.waiter.affinityKey);
      const mustWait = !('worker' in result) && result.why === 'full';
      if (!mustWait) this.answer(entry, this.answerOf(result));
      // A request that has tried no worker can use any: none behind it can be served either.
      else if (entry.waiter.tried.size === 0) return;
    }
  }

  private queue(
    waiter: Waiter,
    answer: (result: AcquiredWorker | Rejection) => void,
    nowMs: number,
  ): () => void {
    const waitMs = Math.max(0, Math.min(this.patienceMs(nowMs), waiter.deadlineMs - nowMs));
    const entry: QueueEntry = {
      sinceMs: nowMs,
      waiter,
      answer,
      stopClock: this.clock.after(waitMs, () =>
        this.answer(entry, { reason: 'waited', retryAfterS: this.queueDrainS(this.waiting.size) }),
      ),
    };
    this.waiting.add(entry);
    if (this.waiting.size > 1) this.serveQueue();
    this.keepRechecking();
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
    const wasThere = this.waiting.delete(entry);
    if (this.waiting.size === 0) {
      this.stopRechecking?.();
      this.stopRechecking = null;
    }
    return wasThere;
  }

  private keepRechecking(): void {
    if (this.stopRechecking !== null || this.waiting.size === 0) return;
    this.stopRechecking = this.clock.after(RECHECK_MS, () => {
      this.stopRechecking = null;
      this.serveQueue();
      this.keepRechecking();
    });
  }

  /** A worker whose slots other replicas hold now counts, too: its turn will come. */
  private queueCapacity(): number {
    let slots = 0;
    for (const { isEligible, isComing, member } of this.workerPool.all)
      if (isEligible || isComing) slots += Math.max(1, member.concurrencyLimit, member.evenShare ?? 0);
    return Math.min(this.limits.mostWaiting, this.limits.perSlot * slots);
  }

  private answerOf(result: AcquiredWorker | Unavailable): AcquiredWorker | Rejection {
    if ('worker' in result) return result;
    const { retryInMs } = result;
    const retryAfterS = retryInMs === null ? UNKNOWN_RETRY_AFTER_S : inSeconds(retryInMs);
    return { reason: 'none', retryAfterS };
  }

  /** How long so many take to be served at the recent rate. */
  private queueDrainS(requests: number): number {
    const perMs = this.done.count(this.clock.nowMs()) / RATE_MS;
    return inSeconds(perMs === 0 ? this.limits.maxWaitMs : requests / perMs);
  }
}

function inSeconds(ms: number): number {
  return Math.min(MAX_RETRY_AFTER_S, Math.max(1, Math.ceil(ms / 1000)));
}

/**
 * The attempts of one request at one model. `withWorker` adds to them; the retry loop settles them in a `finally`, when
 * no further attempt follows, however the request ended: only then is it known whether the workers are to blame.
 */
export class RequestAttempts {
  private finished: FinishedAttempt[] | null = null;
  private admission: Admission | null = null;

  /** Nothing is kept of a request that goes well at once. */
  add(acquired: AcquiredWorker, { kind }: RequestResult, admission: Admission): void {
    if (kind === 'success' && this.finished === null) return;
    this.finished ??= [];
    this.finished.push({ workerId: acquired.worker.id, kind, acquired });
    this.admission = admission;
  }

  settle(): void {
    const { admission, finished } = this;
    this.finished = null;
    if (admission === null || finished === null) return;
    if (finished.some(({ kind }) => isAnswerFailure(kind))) admission.settle(finished);
  }
}
