import { Injectable } from '@nestjs/common';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { ProbeHints } from '../registry/live/probe-hints.js';
import { PowerNotes } from '../registry/power/power-notes.js';
import { isCallable, type Worker, type WorkerCall } from '../registry/worker.js';
import { SharedSlots } from '../replicas/slots/shared-slots.js';
import { SlotLeases } from '../replicas/slots/slot-leases.js';
import type { CancelSignal } from '../upstream/exchange.js';
import type { RequestFacts } from '../telemetry/request-facts.js';
import { isRefused } from '../upstream/classify-failure.js';
import { errorTypeOf, UpstreamError } from '../upstream/failure.js';
import { REAL_CLOCK, RequestAttempts, type Rejection, type Waiter } from './admission/admission.js';
import {
  NoWorkerAvailableError,
  retryAfterWakingS,
  unavailableReason,
  unavailableType,
  whyNotPicked,
} from './balancing-errors.js';
import type { ModelPool } from './model-pool.js';
import { ModelPools } from './model-pools.js';
import type { AcquiredWorker } from './pool/worker-pool.js';
import { type RequestResult, resultOf } from './request-result.js';
import { WorkerAttempts } from './worker-attempts.js';
import { WorkerTroubles } from './worker-troubles.js';

export type CallableWorker = Worker & { readonly call: WorkerCall };

/** What a request needs of the worker that is picked for it. */
export interface PickRequest {
  readonly model: string;
  /** Workers that are not used again; the one that is picked is added. */
  readonly tried: Set<string>;
  /** Collects the attempts of this request at this model; the retry loop settles it. */
  readonly attempts: RequestAttempts;
  /** Requests of one key belong together; called by strategies that care. '': it belongs to none. */
  readonly affinityKey?: () => string;
  /** On the clock of `performance.now()`. */
  readonly deadlineMs: number;
  readonly signal: CancelSignal;
  /** Records how long the request waited in queues, and a model that was not known when it came. */
  readonly facts: Pick<RequestFacts, 'queueMs' | 'model' | 'fallbackModel'>;
}

/** A worker of a model, and why it was not picked. */
export interface WorkerCandidate {
  readonly id: string;
  /** Requests that run there from this replica. */
  readonly running: number;
  /** What keeps it from being picked; `null`: nothing. */
  readonly why: string | null;
}

/** What a worker produced for a request. */
export interface ServedOutput {
  /** Tokens where the worker reports them, else an estimate. */
  readonly units: number;
}

/** Acquires a worker of a model for one request. */
@Injectable()
export class Balancer {
  constructor(
    private readonly pools: ModelPools,
    private readonly live: LiveWorkers,
    private readonly hints: ProbeHints,
    private readonly slots: SlotLeases,
    private readonly shared: SharedSlots,
    private readonly troubles: WorkerTroubles,
    private readonly workerAttempts: WorkerAttempts,
    private readonly power: PowerNotes,
  ) {}

  /**
   * Picks a worker that is not in `tried`, waiting in turn while all are full, counts the request there for as long as
   * `use` runs, and learns from how it ends.
   * @throws UnknownModelError, NoWorkerAvailableError, UpstreamError (aborted) when the client left the queue, and
   *   whatever `use` throws
   */
  async withWorker(
    request: PickRequest,
    use: (worker: CallableWorker) => Promise<ServedOutput>,
  ): Promise<void> {
    const pool = this.pools.of(request.model) ?? (await this.found(request));
    const atOnce = this.acquireNow(pool, request);
    if (this.slots.isNeeded) this.slots.wake(atOnce === null);
    const acquired = atOnce ?? (await this.acquireInTurn(pool, request));
    const { id } = acquired.worker;
    const startedMs = REAL_CLOCK.nowMs();
    let result: RequestResult = { kind: 'neutral' };
    request.tried.add(id);
    try {
      const worker = pool.worker(id);
      // It may have been removed while the request was queued.
      if (worker === undefined || !isCallable(worker)) throw this.unavailable(pool, request.model, 1);
      const { units } = await use(worker);
      result = { kind: 'success', durationMs: REAL_CLOCK.nowMs() - startedMs, units };
      this.troubles.succeeded(id);
    } catch (error) {
      result = resultOf(error);
      this.troubles.record(id, result.kind, error, errorTypeOf(error));
      // It sleeps: the request waits until it is awake.
      if (isRefused(error) && this.power.see(id, 'refused', 'it refused a connection'))
        request.tried.delete(id);
      else if (result.kind === 'connect_error' || result.kind === 'failure') this.hints.requestProbe(id);
      throw error;
    } finally {
      pool.admission.release(acquired, result);
      request.attempts.add(acquired, result, pool.admission);
      this.workerAttempts.add(id, result.kind);
      if (this.slots.isNeeded) this.slots.doneWith(id);
      this.shared.doneWith(request.model, id, acquired.worker.inFlight + 1);
    }
  }

  /** The workers of a model as this replica sees them, the first ones first. */
  candidatesOf(modelName: string): readonly WorkerCandidate[] {
    const pool = this.pools.of(modelName);
    if (pool === undefined) return [];
    const nowMs = REAL_CLOCK.nowMs();
    return pool.workerPool.all.map((pooled) => ({
      id: pooled.id,
      running: pooled.inFlight,
      why: whyNotPicked(pooled, pool.worker(pooled.id), nowMs),
    }));
  }

  /** The retry budget of a model; `undefined` while the model is not known. */
  retryBudgetOf(modelName: string): ModelPool['retryBudget'] | undefined {
    return this.pools.of(modelName)?.retryBudget;
  }

  /** How many workers carry the name, usable or not. */
  workerCountOf(modelName: string): number {
    return this.live.model(modelName)?.workers.length ?? 0;
  }

  /** Registered at another replica a moment ago. @throws UnknownModelError, NoWorkerAvailableError */
  private async found({ model, facts }: PickRequest): Promise<ModelPool> {
    const pool = await this.pools.find(model);
    if (facts.fallbackModel === null) facts.model ??= model;
    return pool;
  }

  /** Without a promise, in the case that matters. */
  private acquireNow(pool: ModelPool, { tried, affinityKey }: PickRequest): AcquiredWorker | null {
    const nowMs = REAL_CLOCK.nowMs();
    pool.lastRequestMs = nowMs;
    if (pool.admission.queued > 0) return null;
    const result = pool.workerPool.acquire(nowMs, tried, affinityKey);
    if (!('worker' in result)) return null;
    pool.waits.atOnce();
    return result;
  }

  private async acquireInTurn(pool: ModelPool, request: PickRequest): Promise<AcquiredWorker> {
    const { model, tried, affinityKey, deadlineMs, signal, facts } = request;
    const sinceMs = REAL_CLOCK.nowMs();
    const turn = { hasWaited: false, isOver: false };
    const waiter: Waiter =
      affinityKey === undefined ? { tried, deadlineMs } : { tried, deadlineMs, affinityKey };
    const result = await new Promise<AcquiredWorker | Rejection>((resolve, reject) => {
      const onAbort = { handleEvent: (): void => {} };
      const leave = pool.admission.enter(waiter, (answer) => {
        signal.removeEventListener('abort', onAbort);
        turn.isOver = true;
        resolve(answer);
      });
      onAbort.handleEvent = () => {
        leave();
        const message = 'the client disconnected while its request was waiting for a worker';
        reject(new UpstreamError('aborted', message));
      };
      turn.hasWaited = !turn.isOver;
      if (pool.admission.queued === 1) this.shared.queueBegins(model);
      if (signal.aborted) onAbort.handleEvent();
      else signal.addEventListener('abort', onAbort);
    }).finally(() => {
      if (!turn.hasWaited) return;
      const waitedMs = REAL_CLOCK.nowMs() - sinceMs;
      pool.waits.waited(waitedMs / 1000);
      facts.queueMs = (facts.queueMs ?? 0) + waitedMs;
    });
    if ('worker' in result) {
      if (!turn.hasWaited) pool.waits.atOnce();
      return result;
    }
    throw this.unavailable(pool, model, result.retryAfterS, result.reason);
  }

  private unavailable(
    pool: ModelPool,
    modelName: string,
    retryAfterS: number,
    reason: Rejection['reason'] = 'none',
  ): NoWorkerAvailableError {
    const { all } = pool.workerPool;
    const nowMs = REAL_CLOCK.nowMs();
    const reasons = unavailableReason(all, (id) => pool.worker(id), nowMs);
    const full = reason === 'full' ? 'too many requests are waiting already; ' : '';
    const waited = reason === 'waited' ? 'no worker became free in time; ' : '';
    const type = unavailableType(reason, all, nowMs);
    const inS = retryAfterWakingS(all, (id) => pool.worker(id)) ?? retryAfterS;
    return new NoWorkerAvailableError(modelName, inS, `${full}${waited}${reasons}`, type);
  }
}
