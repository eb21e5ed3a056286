import { Injectable } from '@nestjs/common';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { SlotLeases } from '../replicas/slots/slot-leases.js';
import { ProbeHints } from '../registry/live/probe-hints.js';
import { isCallable, type Worker, type WorkerCall } from '../registry/worker.js';
import type { CancelSignal } from '../upstream/exchange.js';
import { UpstreamError } from '../upstream/upstream-errors.js';
import type { Waiter, Rejection } from './admission/admission.js';
import { REAL_CLOCK } from './admission/admission.js';
import { NoWorkerAvailableError } from './balancing-errors.js';
import type { ModelPool } from './model-pool.js';
import { ModelPools } from './model-pools.js';
import { resultOf } from './request-result.js';
import type { RequestResult } from './request-result.js';
import type { AcquiredWorker } from './pool/worker-pool.js';
import { unavailableReason } from './balancing-errors.js';

export type CallableWorker = Worker & { readonly call: WorkerCall };

/** A caller's wish for a worker. */
export interface PickRequest {
  readonly model: string;
  /** Workers that are not to be asked again; the one that is lent is added. */
  readonly tried: Set<string>;
  /** Requests of one key belong together, for strategies that care. */
  readonly affinityKey?: string;
  /** On the clock of `performance.now()`. */
  readonly deadlineMs: number;
  readonly signal: CancelSignal;
}

/** What a request got out of its worker. */
export interface ServedOutput {
  /** Of output: tokens where the worker reports them, else an estimate. */
  readonly units: number;
}

/** Lends a worker of a model for one request. */
@Injectable()
export class Balancer {
  constructor(
    private readonly desks: ModelPools,
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
  async withWorker(wish: PickRequest, use: (worker: CallableWorker) => Promise<ServedOutput>): Promise<void> {
    const desk = this.desks.of(wish.model) ?? (await this.desks.find(wish.model));
    const atOnce = this.acquireNow(desk, wish);
    if (this.slots.isNeeded) this.slots.wake(atOnce === null);
    const loan = atOnce ?? (await this.acquireInTurn(desk, wish));
    const { id } = loan.standing;
    const startedMs = REAL_CLOCK.nowMs();
    let outcome: RequestResult = { kind: 'no_verdict' };
    wish.tried.add(id);
    try {
      const worker = desk.worker(id);
      // Lent in the same breath as it was known, or after a wait in which it went.
      if (worker === undefined || !isCallable(worker)) throw this.unavailable(desk, wish.model, 1);
      const { units } = await use(worker);
      outcome = { kind: 'success', durationMs: REAL_CLOCK.nowMs() - startedMs, units };
    } catch (error) {
      outcome = resultOf(error);
      if (outcome.kind === 'connect_error' || outcome.kind === 'failure') this.hints.requestProbe(id);
      throw error;
    } finally {
      desk.admission.release(loan, outcome);
      if (this.slots.isNeeded) this.slots.doneWith(id);
    }
  }

  /** Counts a caller's request; a retry of it has to come out of what this returns. */
  retryBudgetOf(modelName: string): ModelPool['retryBudget'] | undefined {
    return this.desks.of(modelName)?.retryBudget;
  }

  /** How many workers carry the name, usable or not. */
  workerCountOf(modelName: string): number {
    return this.live.model(modelName)?.workers.length ?? 0;
  }

  /** Without a promise, in the case that matters. */
  private acquireNow(desk: ModelPool, wish: PickRequest): AcquiredWorker | null {
    const nowMs = REAL_CLOCK.nowMs();
    desk.lastRequestMs = nowMs;
    if (desk.admission.queued > 0) return null;
    const result = desk.workerPool.acquire(nowMs, wish.tried, wish.affinityKey);
    return 'standing' in result ? result : null;
  }

  private async acquireInTurn(desk: ModelPool, wish: PickRequest): Promise<AcquiredWorker> {
    const { tried, deadlineMs, signal } = wish;
    const applicant: Waiter =
      wish.affinityKey === undefined
        ? { tried, deadlineMs }
        : { tried, deadlineMs, affinityKey: wish.affinityKey };
    const result = await new Promise<AcquiredWorker | Rejection>((resolve, reject) => {
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
    throw this.unavailable(desk, wish.model, result.retryAfterS, result.reason);
  }

  private unavailable(
    desk: ModelPool,
    modelName: string,
    retryAfterS: number,
    why: Rejection['reason'] = 'none',
  ) {
    const reasons = unavailableReason(desk.workerPool.all, (id) => desk.worker(id), REAL_CLOCK.nowMs());
    const full = why === 'full' ? 'too many requests wait for it already; ' : '';
    const waited = why === 'waited' ? 'none became free in time; ' : '';
    return new NoWorkerAvailableError(modelName, retryAfterS, `${full}${waited}${reasons}`);
  }
}
