import { Injectable } from '@nestjs/common';
import { BalancingSettings } from '../config/settings.js';
import { SecretMissingError } from '../credentials/worker-secrets.js';
import { LiveWorkers, type Model } from '../registry/live-workers.js';
import { ModelLookup } from '../registry/model-lookup.js';
import { ProbeHints } from '../registry/probe-hints.js';
import { WorkerActivity } from '../registry/worker-activity.js';
import type { Worker, WorkerCall } from '../registry/worker.js';
import { RenderError } from '../template/template-error.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { NoWorkerAvailableError, UnknownModelError } from './balancing-errors.js';
import { afterConnectError, NOT_EJECTED } from './ejection.js';
import { POLICIES } from './policies.js';
import type { Policy } from './policy.js';
import { nextChanceMs, Standing, usable } from './usable.js';
import { whyNone } from './why-none.js';

export type CallableWorker = Worker & { readonly call: WorkerCall };

/** Asked again this late when nothing tells when a worker will be back: about two probes. */
const RETRY_AFTER_S = 5;

/** Lends a worker of a model for one request. */
@Injectable()
export class Balancer {
  private readonly policy: Policy<unknown>;
  private readonly standings = new WeakMap<Model, readonly Standing[]>();
  private readonly memories = new Map<string, unknown>();

  constructor(
    private readonly live: LiveWorkers,
    private readonly lookup: ModelLookup,
    private readonly activity: WorkerActivity,
    private readonly hints: ProbeHints,
    private readonly settings: BalancingSettings,
  ) {
    this.policy = POLICIES[settings.strategy];
  }

  /**
   * Picks a worker that is not in `tried`, counts the request there for as long as `use` runs, and learns from how it ends.
   * @throws UnknownModelError, NoWorkerAvailableError, and whatever `use` throws
   */
  async withWorker<T>(
    modelName: string,
    tried: Set<string>,
    use: (worker: CallableWorker) => Promise<T>,
  ): Promise<T> {
    const model = this.live.model(modelName) ?? (await this.lookup.find(modelName));
    if (model === undefined) throw this.unknown(modelName);
    // From here to the count nothing waits: two requests never see the same moment.
    const { worker, activity } = this.pick(model, tried);
    tried.add(worker.id);
    activity.inFlight += 1;
    try {
      const result = await use(worker);
      if (activity.connectErrorsInARow > 0) Object.assign(activity, NOT_EJECTED);
      return result;
    } catch (error) {
      this.learn(worker, error);
      throw error;
    } finally {
      activity.inFlight -= 1;
    }
  }

  /** Nobody is told that there is no such model before anybody can know. */
  private unknown(modelName: string): Error {
    if (this.live.lastLoadMs !== null) return new UnknownModelError(modelName);
    return new NoWorkerAvailableError(modelName, RETRY_AFTER_S, 'the registry has not been read yet');
  }

  private pick(model: Model, tried: ReadonlySet<string>): Standing & { readonly worker: CallableWorker } {
    const nowMs = Date.now();
    const all = this.standingsOf(model);
    const candidates = usable(all, tried, nowMs);
    if (candidates.length === 0) {
      const chanceMs = nextChanceMs(all, nowMs);
      const retryAfterS =
        chanceMs === null ? RETRY_AFTER_S : Math.max(1, Math.ceil((chanceMs - nowMs) / 1000));
      throw new NoWorkerAvailableError(model.name, retryAfterS, whyNone(all, nowMs));
    }
    const memory = this.memories.get(model.name) ?? this.policy.start;
    const pick = this.policy.pick(candidates, memory, Math.random);
    this.memories.set(model.name, pick.memory);
    return candidates[pick.index] as Standing & { readonly worker: CallableWorker };
  }

  private learn(worker: Worker, error: unknown): void {
    const activity = this.activity.of(worker.id);
    if (wasReached(error)) Object.assign(activity, NOT_EJECTED);
    if (!isUnreachable(error)) return;
    Object.assign(activity, afterConnectError(activity, this.settings, Date.now(), Math.random));
    this.hints.lookAgain(worker.id);
  }

  private standingsOf(model: Model): readonly Standing[] {
    const known = this.standings.get(model);
    if (known !== undefined) return known;
    const standings = model.workers.map((worker) => new Standing(worker, this.activity.of(worker.id)));
    this.standings.set(model, standings);
    this.activity.keepOnly((id) => this.live.worker(id) !== undefined);
    for (const name of this.memories.keys())
      if (this.live.model(name) === undefined) this.memories.delete(name);
    return standings;
  }
}

/** Whether the call got far enough to show that there is somebody. What failed on the way there shows nothing. */
function wasReached(error: unknown): boolean {
  if (error instanceof UpstreamError)
    return error.answerBegan || error.during === 'first_byte' || error.during === 'idle';
  return !(error instanceof RenderError || error instanceof SecretMissingError);
}

function isUnreachable(error: unknown): boolean {
  if (!(error instanceof UpstreamError)) return false;
  return error.kind === 'connect' || (error.kind === 'timeout' && error.during === 'connect');
}
