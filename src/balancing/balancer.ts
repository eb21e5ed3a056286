import { Injectable } from '@nestjs/common';
import { BalancingSettings } from '../config/settings.js';
import { LiveWorkers } from '../registry/live-workers.js';
import { ModelPolicies } from '../registry/models/model-policies.js';
import { ModelLookup } from '../registry/model-lookup.js';
import { Replicas } from '../replicas/replicas.js';
import { SlotLeases } from '../replicas/slot-leases.js';
import { ProbeHints } from '../registry/probe-hints.js';
import { WorkerActivity } from '../registry/worker-activity.js';
import { isCallable, type Worker, type WorkerCall } from '../registry/worker.js';
import type { CancelSignal } from '../upstream/exchange.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import type { Applicant, Turned } from './admission/admission.js';
import { REAL_CLOCK } from './admission/clock.js';
import { NoWorkerAvailableError, UnknownModelError } from './balancing-errors.js';
import { DeskActivity } from './desk-activity.js';
import { ModelDesk } from './model-desk.js';
import { textHash } from './policies/hash.js';
import { outcomeOf } from './outcome-of.js';
import { capShare } from './standing/cap-share.js';
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

/** Requests of one model on this replica. */
export interface ModelLoad {
  readonly model: string;
  readonly inFlight: number;
  readonly queued: number;
}

/** Lends a worker of a model for one request. */
@Injectable()
export class Balancer {
  private readonly desks = new Map<string, ModelDesk>();

  constructor(
    private readonly live: LiveWorkers,
    private readonly lookup: ModelLookup,
    private readonly hints: ProbeHints,
    private readonly replicas: Replicas,
    private readonly slots: SlotLeases,
    private readonly policies: ModelPolicies,
    private readonly settings: BalancingSettings,
    activity: WorkerActivity,
  ) {
    live.onChange(() => this.followRegistry());
    policies.onChange(() => this.followPolicies());
    replicas.onChange(() => this.shareOut(this.desks.values()));
    slots.onChange((workerIds) => this.shareOut(this.desksOf(workerIds)));
    activity.knownBy(new DeskActivity(live, this.desks));
  }

  /**
   * Picks a worker that is not in `tried`, waiting in turn while all are full, counts the request there for as long as
   * `use` runs, and learns from how it ends.
   * @throws UnknownModelError, NoWorkerAvailableError, UpstreamError (aborted) when the caller left the queue, and
   *   whatever `use` throws
   */
  async withWorker(wish: Wish, use: (worker: CallableWorker) => Promise<Served>): Promise<void> {
    const desk = this.desk(wish.model) ?? (await this.findDesk(wish.model));
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
      if (outcome.kind === 'connect_error' || outcome.kind === 'failure') this.hints.lookAgain(id);
      throw error;
    } finally {
      desk.admission.giveBack(loan, outcome);
      if (this.slots.isNeeded) this.slots.doneWith(id);
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

  /** The models that were asked for since they came, and how things stand with them. */
  loads(): readonly ModelLoad[] {
    return [...this.desks].map(([model, { roster, admission }]) => ({
      model,
      inFlight: roster.inFlight,
      queued: admission.queued,
    }));
  }

  private desk(modelName: string): ModelDesk | undefined {
    const model = this.live.model(modelName);
    if (model === undefined) return undefined;
    const known = this.desks.get(modelName);
    if (known !== undefined) return known;
    const desk = new ModelDesk(this.settings, REAL_CLOCK, (worker) => this.capOf(worker));
    desk.obey(this.policies.of(modelName));
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

  private followPolicies(): void {
    for (const [name, desk] of this.desks) desk.obey(this.policies.of(name));
  }

  private followRegistry(): void {
    for (const [name, desk] of this.desks) {
      const model = this.live.model(name) ?? null;
      desk.become(model);
      if (model === null && desk.isIdle) this.desks.delete(name);
    }
  }

  private shareOut(desks: Iterable<ModelDesk>): void {
    for (const desk of desks) desk.shareOut();
  }

  private desksOf(workerIds: readonly string[]): ReadonlySet<ModelDesk> {
    const desks = workerIds.map((id) => this.desks.get(this.live.worker(id)?.modelName ?? ''));
    return new Set(desks.filter((desk) => desk !== undefined));
  }

  /** This replica's part of a cap that holds for all of them. */
  private capOf({ id, maxConcurrency }: Worker): number {
    const { count, rank, isKnown } = this.replicas;
    if (!isKnown) return 0;
    const share = capShare(maxConcurrency, count, rank, textHash(id));
    const leased = this.slots.usable(id);
    if (leased === null) return share;
    // A share will do again, as soon as all replicas know.
    return maxConcurrency < count ? leased : Math.min(leased, share);
  }
}
