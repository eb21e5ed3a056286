import type { Outcome } from '../standing/outcome.js';
import type { Loan, Refusal, Roster } from '../standing/roster.js';
import type { Clock } from './clock.js';
import { RateWindow } from './rate-window.js';

export interface AdmissionLimits {
  /** Places in the queue, as a multiple of what the workers together can have at once. */
  readonly perSlot: number;
  readonly mostWaiting: number;
  readonly maxWaitMs: number;
}

export const DEFAULT_ADMISSION_LIMITS: AdmissionLimits = { perSlot: 2, mostWaiting: 1000, maxWaitMs: 10_000 };

export interface Applicant {
  /** Ids of workers that are not to be asked again. */
  readonly tried: ReadonlySet<string>;
  readonly key?: string;
  /** By the clock; `Infinity`: the caller waits for ever. */
  readonly deadlineMs: number;
}

export interface Turned {
  /** `none`: no worker may be used. `full`: too many wait already. `waited`: its time was up before its turn came. */
  readonly why: 'none' | 'full' | 'waited';
  /** When it is worth asking again; at least 1. */
  readonly retryAfterS: number;
}

interface Waiter {
  readonly applicant: Applicant;
  readonly answer: (result: Loan | Turned) => void;
  readonly stopClock: () => void;
}

const RATE_MS = 10_000;
const LONGEST_RETRY_AFTER_S = 60;
/** Asked again this late when nothing tells when a worker will be back: about two probes. */
const UNKNOWN_RETRY_AFTER_S = 5;
/** While somebody waits: time alone opens workers, too. */
const LOOK_AGAIN_MS = 100;

/** The way to a model's workers: at once, in turn, or not at all. First come, first served. */
export class Admission {
  private readonly waiting = new Set<Waiter>();
  private readonly done = new RateWindow(RATE_MS);
  private stopLooking: (() => void) | null = null;

  constructor(
    readonly roster: Roster,
    private readonly clock: Clock,
    private limits: AdmissionLimits,
  ) {}

  /** For those who come from now on. */
  use(limits: AdmissionLimits): void {
    this.limits = limits;
  }

  get queued(): number {
    return this.waiting.size;
  }

  /**
   * Answers once: at once if it can, else when its turn has come or its time is up.
   * @returns leaves the queue; answers nothing more. Without effect when it has been answered
   */
  enter(applicant: Applicant, answer: (result: Loan | Turned) => void): () => void {
    const nowMs = this.clock.nowMs();
    // Those that wait were here first; only a retry may pass one that waits for a worker it has tried.
    if (this.waiting.size === 0) {
      const result = this.roster.lend(nowMs, applicant.tried, applicant.key);
      if ('standing' in result || result.why === 'none') {
        answer(this.told(result));
        return () => undefined;
      }
    }
    if (this.waiting.size >= this.places()) {
      answer({ why: 'full', retryAfterS: this.drainS(this.waiting.size + 1) });
      return () => undefined;
    }
    return this.queue(applicant, answer, nowMs);
  }

  giveBack(loan: Loan, outcome: Outcome): void {
    const nowMs = this.clock.nowMs();
    this.done.add(nowMs);
    this.roster.giveBack(loan, outcome, nowMs);
    this.serve();
  }

  /** Lets in whoever can be; to be called when workers came or changed. */
  serve(): void {
    const nowMs = this.clock.nowMs();
    for (const waiter of this.waiting) {
      const result = this.roster.lend(nowMs, waiter.applicant.tried, waiter.applicant.key);
      const mustWait = !('standing' in result) && result.why === 'full';
      if (!mustWait) this.answer(waiter, this.told(result));
      // Who has tried none yet can be served by any: behind him nobody can be.
      else if (waiter.applicant.tried.size === 0) return;
    }
  }

  private queue(applicant: Applicant, answer: (result: Loan | Turned) => void, nowMs: number): () => void {
    const waitMs = Math.max(0, Math.min(this.limits.maxWaitMs, applicant.deadlineMs - nowMs));
    const waiter: Waiter = {
      applicant,
      answer,
      stopClock: this.clock.after(waitMs, () =>
        this.answer(waiter, { why: 'waited', retryAfterS: this.drainS(this.waiting.size) }),
      ),
    };
    this.waiting.add(waiter);
    if (this.waiting.size > 1) this.serve();
    this.keepLooking();
    return () => this.remove(waiter);
  }

  private answer(waiter: Waiter, result: Loan | Turned): void {
    if (this.remove(waiter)) waiter.answer(result);
  }

  private remove(waiter: Waiter): boolean {
    waiter.stopClock();
    const wasThere = this.waiting.delete(waiter);
    if (this.waiting.size === 0) {
      this.stopLooking?.();
      this.stopLooking = null;
    }
    return wasThere;
  }

  private keepLooking(): void {
    if (this.stopLooking !== null || this.waiting.size === 0) return;
    this.stopLooking = this.clock.after(LOOK_AGAIN_MS, () => {
      this.stopLooking = null;
      this.serve();
      this.keepLooking();
    });
  }

  /** One whose slot another replica has now counts as one: its turn will come. */
  private places(): number {
    let slots = 0;
    for (const { isWanted, member } of this.roster.all) if (isWanted) slots += Math.max(1, member.cap);
    return Math.min(this.limits.mostWaiting, this.limits.perSlot * slots);
  }

  private told(result: Loan | Refusal): Loan | Turned {
    if ('standing' in result) return result;
    const { backInMs } = result;
    const retryAfterS = backInMs === null ? UNKNOWN_RETRY_AFTER_S : inSeconds(backInMs);
    return { why: 'none', retryAfterS };
  }

  /** How long so many take to be served at the rate of late. */
  private drainS(requests: number): number {
    const perMs = this.done.count(this.clock.nowMs()) / RATE_MS;
    return inSeconds(perMs === 0 ? this.limits.maxWaitMs : requests / perMs);
  }
}

function inSeconds(ms: number): number {
  return Math.min(LONGEST_RETRY_AFTER_S, Math.max(1, Math.ceil(ms / 1000)));
}
