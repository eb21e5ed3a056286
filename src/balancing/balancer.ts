import { Injectable } from '@nestjs/common';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { SlotLeases } from '../replicas/slot-leases.js';
import { ProbeHints } from '../registry/live/probe-hints.js';
import { isCallable, type Worker, type WorkerCall } from '../registry/worker.js';
import type { CancelSignal } from '../upstream/exchange.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import type { Applicant, Turned } from './admission/admission.js';
import { REAL_CLOCK } from './admission/clock.js';
import { NoWorkerAvailableError } from './balancing-errors.js';
import type { ModelDesk } from './model-desk.js';
import { ModelDesks } from './model-desks.js';
import { outcomeOf } from './outcome-of.js';
import type { Outcome } from './standing/outcome.js';
import type { Loan } from './standing/roster.js';
import { whyNone } from './why-none.js';

export type CallableWorker = Worker & { readonly call: WorkerCall };

/** A caller's wish for a worker. */
export interface Wish {
  readonly model: string;
  /** Workers that are not to be asked again; the one that is lent is added. */
  readonly tried: Set<string>;
  /** Requests of one key belong together, for strategies that care. */
  readonly key?: string;
  /** On the clock of `performance.now()`. */
  readonly deadlineMs: number;
  readonly signal: CancelSignal;
}

/** What a request got out of its worker. */
export interface Served {
  /** Of output: tokens where the worker reports them, else an estimate. */
  readonly units: number;
}

/** Lends a worker of a model for one request. */
@Injectable()
export class Balancer {
  constructor(
    private readonly desks: ModelDesks,
    private readonly live: LiveWorkers,
    private readonly hints: ProbeHints,
    private readonly slots: SlotLeases,
  ) {}

  /**
   * Picks a worker that is not in `tried`, waiting in turn while all are full, counts the request there for as long as
   * `use` runs, and learns from how it ends.
   * @throws UnknownModelError, NoWorkerAvailableError, UpstreamError (aborted) when the caller left the queue, and
   *   whatever `use` throws
   */
  async withWorker(wish: Wish, use: (worker: CallableWorker) => Promise<Served>): Promise<void> {
    const desk = this.desks.of(wish.model) ?? (await this.desks.find(wish.model));
    const atOnce = this.lendAtOnce(desk, wish);
    if (this.slots.isNeeded) this.slots.wake(atOnce === null);
    const loan = atOnce ?? (await this.lendInTurn(desk, wish));
    const { id } = loan.standing;
    const startedMs = REAL_CLOCK.nowMs();
    let outcome: Outcome = { kind: 'no_verdict' };
    wish.tried.add(id);
    try {
      const worker = desk.worker(id);
      // Lent in the same breath as it was known, or after a wait in which it went.
      if (worker === undefined || !isCallable(worker)) throw this.none(desk, wish.model, 1);
      const { units } = await use(worker);
      outcome = { kind: 'success', durationMs: REAL_CLOCK.nowMs() - startedMs, units };
    } catch (error) {
      outcome = outcomeOf(error);
      if (outcome.kind === 'connect_error' || outcome.kind === 'failure') this.hints.requestProbe(id);
      throw error;
    } finally {
      desk.admission.giveBack(loan, outcome);
      if (this.slots.isNeeded) this.slots.doneWith(id);
    }
  }

  /** Counts a caller's request; a retry of it has to come out of what this returns. */
  retriesOf(modelName: string): ModelDesk['retries'] | undefined {
    return this.desks.of(modelName)?.retries;
  }

  /** How many workers carry the name, usable or not. */
  sizeOf(modelName: string): number {
    return this.live.model(modelName)?.workers.length ?? 0;
  }

  /** Without a promise, in the case that matters. */
  private lendAtOnce(desk: ModelDesk, wish: Wish): Loan | null {
    const nowMs = REAL_CLOCK.nowMs();
    desk.askedAtMs = nowMs;
    if (desk.admission.queued > 0) return null;
    const result = desk.roster.lend(nowMs, wish.tried, wish.key);
    return 'standing' in result ? result : null;
  }

  private async lendInTurn(desk: ModelDesk, wish: Wish): Promise<Loan> {
    const { tried, deadlineMs, signal } = wish;
    const applicant: Applicant =
      wish.key === undefined ? { tried, deadlineMs } : { tried, deadlineMs, key: wish.key };
    const result = await new Promise<Loan | Turned>((resolve, reject) => {
      const leaving = { handleEvent: (): void => {} };
      const leave = desk.admission.enter(applicant, (answer) => {
        signal.removeEventListener('abort', leaving);
        resolve(answer);
      });
      leaving.handleEvent = () => {
        leave();
        reject(
          new UpstreamError('aborted', 'the caller gave up while waiting for a worker', {
            answerBegan: false,
          }),
        );
      };
      if (signal.aborted) leaving.handleEvent();
      else signal.addEventListener('abort', leaving);
    });
    if ('standing' in result) return result;
    throw this.none(desk, wish.model, result.retryAfterS, result.why);
  }

  private none(desk: ModelDesk, modelName: string, retryAfterS: number, why: Turned['why'] = 'none') {
    const reasons = whyNone(desk.roster.all, (id) => desk.worker(id), REAL_CLOCK.nowMs());
    const full = why === 'full' ? 'too many requests wait for it already; ' : '';
    const waited = why === 'waited' ? 'none became free in time; ' : '';
    return new NoWorkerAvailableError(modelName, retryAfterS, `${full}${waited}${reasons}`);
  }
}
