import { Injectable } from '@nestjs/common';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { ProbeHints } from '../registry/live/probe-hints.js';
import { PowerNotes } from '../registry/power/power-notes.js';
import { isCallable } from '../registry/worker.js';
import { SharedSlots } from '../replicas/slots/shared-slots.js';
import { SlotLeases } from '../replicas/slots/slot-leases.js';
import { isRefused } from '../upstream/classify-failure.js';
import { errorTypeOf, UpstreamError } from '../upstream/failure.js';
import { REAL_CLOCK } from './admission/clock.js';
import { BulkTurn } from './admission/bulk-turn.js';
import { isAsleep } from './admission/room.js';
import type { Rejection, Waiter } from './admission/waiter.js';
import {
  NoWorkerAvailableError,
  retryAfterWakingS,
  unavailableReason,
  unavailableType,
  whyNotPicked,
} from './balancing-errors.js';
import type { PickRequest, UseWorker, WorkerCandidate } from './pick-request.js';
import type { ModelPool } from './model-pool.js';
import { ModelPools } from './model-pools.js';
import type { AcquiredWorker } from './pool/acquired-worker.js';
import { type RequestResult, resultOf } from './request-result.js';
import { WorkerAttempts, WorkerTroubles } from './worker-results.js';

/** What a 503 says before it names the states of the workers. */
const QUEUED: Readonly<Record<Rejection['reason'], string>> = {
  none: '',
  full: 'your queue is full, too many requests are waiting already; ',
  waited: 'all workers are busy, none became free in time; ',
};

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
   * `use` runs, and learns from how it ends. A bulk request may be cut to make room for another one: then it waits again, and
   * `use` is called anew.
   * @throws UnknownModelError, NoWorkerAvailableError, UpstreamError (aborted) when the client left the queue, and
   *   whatever `use` throws
   */
  withWorker(request: PickRequest, use: UseWorker): Promise<void> {
    return request.priority === 'bulk' ? this.asBulk(request, use) : this.inOneTurn(request, use, null);
  }

  private async asBulk(request: PickRequest, use: UseWorker): Promise<void> {
    const { signal, facts, tried, isCommitted } = request;
    const isAbortable = (id: string): boolean =>
      !isCommitted() && this.live.worker(id)?.onDisconnect === 'abort';
    for (;;) {
      const { attempts, workerId, cuts } = facts;
      const before = new Set(tried);
      const turn = new BulkTurn(signal, cuts, isAbortable);
      try {
        return await this.inOneTurn(request, use, turn);
      } catch (error) {
        if (!turn.isCut || isCommitted()) throw error;
        // It counts as no attempt.
        for (const id of tried) if (!before.has(id)) tried.delete(id);
        facts.attempts = attempts;
        facts.workerId = workerId;
        facts.cuts = cuts + 1;
      }
    }
  }

  private async inOneTurn(request: PickRequest, use: UseWorker, turn: BulkTurn | null): Promise<void> {
    const pool = this.pools.of(request.model) ?? (await this.found(request));
    const atOnce = turn === null ? this.acquireNow(pool, request) : null;
    if (this.slots.isNeeded) this.slots.wake(atOnce === null);
    const acquired = atOnce ?? (await this.acquireInTurn(pool, request, turn));
    const { id } = acquired.worker;
    const startedMs = REAL_CLOCK.nowMs();
    let result: RequestResult = { kind: 'neutral' };
    request.tried.add(id);
    try {
      const worker = pool.worker(id);
      // It may have been removed while the request was queued.
      if (worker === undefined || !isCallable(worker)) throw this.unavailable(pool, request.model, 1);
      const units = await use(worker, turn ?? request.signal);
      result = { kind: 'success', durationMs: REAL_CLOCK.nowMs() - startedMs, units };
      this.troubles.succeeded(id);
    } catch (error) {
      result = resultOf(error);
      if (turn?.isCut === true) throw error;
      this.troubles.record(id, result.kind, error, errorTypeOf(error));
      // It sleeps: the request waits until it is awake.
      if (isRefused(error) && this.power.see(id, 'refused', 'it refused a connection', startedMs))
        request.tried.delete(id);
      else if (result.kind === 'connect_error' || result.kind === 'failure') this.hints.requestProbe(id);
      throw error;
    } finally {
      this.release(pool, acquired, result, request, turn, startedMs);
    }
  }

  private release(
    pool: ModelPool,
    acquired: AcquiredWorker,
    result: RequestResult,
    request: PickRequest,
    turn: BulkTurn | null,
    startedMs: number,
  ): void {
    const { model, attempts, tenant, priority } = request;
    const { id } = acquired.worker;
    const nowMs = REAL_CLOCK.nowMs();
    pool.slotTime.add(tenant.name, priority, nowMs - startedMs, nowMs);
    if (turn?.isCut === true && result.kind !== 'success') {
      pool.waits.cut((nowMs - startedMs) / 1000);
      pool.admission.releaseCut(acquired, tenant);
    } else {
      pool.admission.release(acquired, result, request);
      attempts.add(acquired, result, pool.admission);
      this.workerAttempts.add(id, result.kind);
    }
    if (this.slots.isNeeded) this.slots.doneWith(id);
    this.shared.doneWith(model, id, acquired.worker.inFlight + 1);
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
  private acquireNow(pool: ModelPool, { tried, affinityKey, tenant }: PickRequest): AcquiredWorker | null {
    const nowMs = REAL_CLOCK.nowMs();
    pool.lastRequestMs = nowMs;
    const acquired = pool.admission.acquireNow(nowMs, tried, affinityKey, tenant);
    if (acquired !== null) pool.waits.atOnce();
    return acquired;
  }

  private async acquireInTurn(
    pool: ModelPool,
    request: PickRequest,
    cut: BulkTurn | null,
  ): Promise<AcquiredWorker> {
    const { model, tenant, priority, tried, affinityKey, deadlineMs, signal, facts } = request;
    const sinceMs = REAL_CLOCK.nowMs();
    pool.lastRequestMs = sinceMs;
    const turn = { hasWaited: false, isOver: false };
    const sleeps = isAsleep(pool.workerPool.all);
    const waiter: Waiter = {
      tenant,
      priority,
      tried,
      deadlineMs,
      ...(affinityKey === undefined ? {} : { affinityKey }),
      ...(cut === null ? {} : { cut }),
    };
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
      pool.waits.waited(waitedMs / 1000, priority);
      facts.queueMs = (facts.queueMs ?? 0) + waitedMs;
      if (sleeps) facts.wokeMs = (facts.wokeMs ?? 0) + waitedMs;
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
    const type = unavailableType(reason, all, nowMs);
    const inS = retryAfterWakingS(all, (id) => pool.worker(id)) ?? retryAfterS;
    return new NoWorkerAvailableError(modelName, inS, `${QUEUED[reason]}${reasons}`, type);
  }
}
