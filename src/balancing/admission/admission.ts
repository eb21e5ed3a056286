import type { RequestResult } from '../request-result.js';
import type { AcquiredWorker, Unavailable, WorkerPool } from '../pool/worker-pool.js';
import { RateWindow } from './rate-window.js';

export interface AdmissionLimits {
  /** Places in the queue, as a multiple of what the workers together can have at once. */
  readonly perSlot: number;
  readonly mostWaiting: number;
  readonly maxWaitMs: number;
}

export const DEFAULT_ADMISSION_LIMITS: AdmissionLimits = { perSlot: 2, mostWaiting: 1000, maxWaitMs: 10_000 };

export interface Waiter {
  /** Ids of workers that are not to be asked again. */
  readonly tried: ReadonlySet<string>;
  readonly affinityKey?: string;
  /** By the clock; `Infinity`: the caller waits for ever. */
  readonly deadlineMs: number;
}

export interface Rejection {
  /** `none`: no worker may be used. `full`: too many wait already. `waited`: its time was up before its turn came. */
  readonly reason: 'none' | 'full' | 'waited';
  /** When it is worth asking again; at least 1. */
  readonly retryAfterS: number;
}

interface QueueEntry {
  readonly waiter: Waiter;
  readonly answer: (result: AcquiredWorker | Rejection) => void;
  readonly stopClock: () => void;
}

const RATE_MS = 10_000;
const LONGEST_RETRY_AFTER_S = 60;

/** Asked again this late when nothing tells when a worker will be back: about two probes. */
const UNKNOWN_RETRY_AFTER_S = 5;

/** While somebody waits: time alone opens workers, too. */
const RECHECK_MS = 100;

/** The way to a model's workers: at once, in turn, or not at all. First come, first served. */
export class Admission {
  private readonly waiting = new Set<QueueEntry>();
  private readonly done = new RateWindow(RATE_MS);
  private stopRechecking: (() => void) | null = null;

  constructor(
    readonly workerPool: WorkerPool,
    private readonly clock: Clock,
    private limits: AdmissionLimits,
  ) {}

  /** For those who come from now on. */
  setLimits(limits: AdmissionLimits): void {
    this.limits = limits;
  }

  get queued(): number {
    return this.waiting.size;
  }

  /**
   * Answers once: at once if it can, else when its turn has come or its time is up.
   * @returns leaves the queue; answers nothing more. Without effect when it has been answered
   */
  enter(applicant: Waiter, answer: (result: AcquiredWorker | Rejection) => void): () => void {
    const nowMs = this.clock.nowMs();
    // Those that wait were here first; only a retry may pass one that waits for a worker it has tried.
    if (this.waiting.size === 0) {
      const result = this.workerPool.acquire(nowMs, applicant.tried, applicant.affinityKey);
      if ('standing' in result || result.why === 'none') {
        answer(this.rejectionOf(result));
        return () => undefined;
      }
    }
    if (this.waiting.size >= this.queueCapacity()) {
      answer({ reason: 'full', retryAfterS: this.queueDrainS(this.waiting.size + 1) });
      return () => undefined;
    }
    return this.queue(applicant, answer, nowMs);
  }

  release(loan: AcquiredWorker, outcome: RequestResult): void {
    const nowMs = this.clock.nowMs();
    this.done.add(nowMs);
    this.workerPool.release(loan, outcome, nowMs);
    this.serveQueue();
  }

  /** Lets in whoever can be; to be called when workers came or changed. */
  serveQueue(): void {
    const nowMs = this.clock.nowMs();
    for (const waiter of this.waiting) {
      const result = this.workerPool.acquire(nowMs, waiter.waiter.tried, waiter.waiter.affinityKey);
      const mustWait = !('standing' in result) && result.why === 'full';
      if (!mustWait) this.answer(waiter, this.rejectionOf(result));
      // Who has tried none yet can be served by any: behind him nobody can be.
      else if (waiter.waiter.tried.size === 0) return;
    }
  }

  private queue(
    applicant: Waiter,
    answer: (result: AcquiredWorker | Rejection) => void,
    nowMs: number,
  ): () => void {
    const waitMs = Math.max(0, Math.min(this.limits.maxWaitMs, applicant.deadlineMs - nowMs));
    const waiter: QueueEntry = {
      waiter: applicant,
      answer,
      stopClock: this.clock.after(waitMs, () =>
        this.answer(waiter, { reason: 'waited', retryAfterS: this.queueDrainS(this.waiting.size) }),
      ),
    };
    this.waiting.add(waiter);
    if (this.waiting.size > 1) this.serveQueue();
    this.keepRechecking();
    return () => this.remove(waiter);
  }

  private answer(waiter: QueueEntry, result: AcquiredWorker | Rejection): void {
    if (this.remove(waiter)) waiter.answer(result);
  }

  private remove(waiter: QueueEntry): boolean {
    waiter.stopClock();
    const wasThere = this.waiting.delete(waiter);
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

  /** One whose slot another replica has now counts as one: its turn will come. */
  private queueCapacity(): number {
    let slots = 0;
    for (const { isEligible: isWanted, member } of this.workerPool.all)
      if (isWanted) slots += Math.max(1, member.cap);
    return Math.min(this.limits.mostWaiting, this.limits.perSlot * slots);
  }

  private rejectionOf(result: AcquiredWorker | Unavailable): AcquiredWorker | Rejection {
    if ('standing' in result) return result;
    const { retryInMs: backInMs } = result;
    const retryAfterS = backInMs === null ? UNKNOWN_RETRY_AFTER_S : inSeconds(backInMs);
    return { reason: 'none', retryAfterS };
  }

  /** How long so many take to be served at the rate of late. */
  private queueDrainS(requests: number): number {
    const perMs = this.done.count(this.clock.nowMs()) / RATE_MS;
    return inSeconds(perMs === 0 ? this.limits.maxWaitMs : requests / perMs);
  }
}

function inSeconds(ms: number): number {
  return Math.min(LONGEST_RETRY_AFTER_S, Math.max(1, Math.ceil(ms / 1000)));
}

/** Time, as far as waiting needs it: the real one, or one in which an hour passes in a second. */
export interface Clock {
  /** Never goes back. */
  nowMs(): number;
  /** @returns calls it off */
  after(delayMs: number, run: () => void): () => void;
}

export const REAL_CLOCK: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
