import { Injectable } from '@nestjs/common';
import { BalancingSettings } from '../config/settings.js';
import { LiveWorkers } from '../registry/live-workers.js';
import { ModelLookup } from '../registry/model-lookup.js';
import { ProbeHints } from '../registry/probe-hints.js';
import { type Activity, WorkerActivity } from '../registry/worker-activity.js';
import { isCallable, type Worker, type WorkerCall } from '../registry/worker.js';
import type { CancelSignal } from '../upstream/exchange.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import type { Applicant, Turned } from './admission/admission.js';
import { REAL_CLOCK } from './admission/clock.js';
import { NoWorkerAvailableError, UnknownModelError } from './balancing-errors.js';
import { ModelDesk } from './model-desk.js';
import { outcomeOf } from './outcome-of.js';
import type { Outcome } from './standing/outcome.js';
import type { Loan } from './standing/roster.js';
import { whyNone } from './why-none.js';

export type CallableWorker = Worker & { readonly call: WorkerCall };

/** Until the registry has been read. */
const RETRY_AFTER_S = 5;

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
  /** Of output: tokens where the worker reports them, else bytes ÷ 4. */
  readonly units: number;
}

/** Lends a worker of a model for one request. */
@Injectable()
export class Balancer {
  private readonly desks = new Map<string, ModelDesk>();

  constructor(
    private readonly live: LiveWorkers,
    private readonly lookup: ModelLookup,
    private readonly hints: ProbeHints,
    private readonly settings: BalancingSettings,
    activity: WorkerActivity,
  ) {
    live.onChange(() => this.followRegistry());
    activity.knownBy((workerId) => this.activityOf(workerId));
  }

  /**
   * Picks a worker that is not in `tried`, waiting in turn while all are full, counts the request there for as long as
   * `use` runs, and learns from how it ends.
   * @throws UnknownModelError, NoWorkerAvailableError, UpstreamError (aborted) when the caller left the queue, and
   *   whatever `use` throws
   */
  async withWorker(wish: Wish, use: (worker: CallableWorker) => Promise<Served>): Promise<void> {
    const desk = this.desk(wish.model) ?? (await this.findDesk(wish.model));
    const loan = this.lendAtOnce(desk, wish) ?? (await this.lendInTurn(desk, wish));
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
      if (outcome.kind === 'connect_error' || outcome.kind === 'failure') this.hints.lookAgain(id);
      throw error;
    } finally {
      desk.admission.giveBack(loan, outcome);
    }
  }

  /** Counts a caller's request; a retry of it has to come out of what this returns. */
  retriesOf(modelName: string): ModelDesk['retries'] | undefined {
    return this.desk(modelName)?.retries;
  }

  /** How many workers carry the name, usable or not. */
  sizeOf(modelName: string): number {
    return this.live.model(modelName)?.workers.length ?? 0;
  }

  private desk(modelName: string): ModelDesk | undefined {
    const model = this.live.model(modelName);
    if (model === undefined) return undefined;
    const known = this.desks.get(modelName);
    if (known !== undefined) return known;
    const desk = new ModelDesk(this.settings, REAL_CLOCK);
    desk.become(model);
    this.desks.set(modelName, desk);
    return desk;
  }

  private async findDesk(modelName: string): Promise<ModelDesk> {
    await this.lookup.find(modelName);
    const desk = this.desk(modelName);
    if (desk === undefined) throw this.unknown(modelName);
    return desk;
  }

  /** Nobody is told that there is no such model before anybody can know. */
  private unknown(modelName: string): Error {
    if (this.live.lastLoadMs !== null) return new UnknownModelError(modelName);
    return new NoWorkerAvailableError(modelName, RETRY_AFTER_S, 'the registry has not been read yet');
  }

  /** Without a promise, in the case that matters. */
  private lendAtOnce(desk: ModelDesk, wish: Wish): Loan | null {
    if (desk.admission.queued > 0) return null;
    const result = desk.roster.lend(REAL_CLOCK.nowMs(), wish.tried, wish.key);
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

  private followRegistry(): void {
    for (const [name, desk] of this.desks) {
      const model = this.live.model(name) ?? null;
      desk.become(model);
      if (model === null && desk.isIdle) this.desks.delete(name);
    }
  }

  private activityOf(workerId: string): Activity | undefined {
    const worker = this.live.worker(workerId);
    const standing = worker && this.desks.get(worker.modelName)?.roster.all.find(({ id }) => id === workerId);
    if (standing === undefined) return undefined;
    const { ejectedFor, untilMs } = standing.experience.circuit;
    const inMs = untilMs - REAL_CLOCK.nowMs();
    const ejectedUntil = ejectedFor !== null && inMs > 0 ? new Date(Date.now() + inMs) : null;
    return { inFlight: standing.inFlight, ejectedUntil };
  }
}
