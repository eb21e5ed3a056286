import { Injectable } from '@nestjs/common';
import { BalancingSettings } from '../config/settings.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { ModelLookup } from '../registry/live/model-lookup.js';
import { ModelPolicies } from '../registry/models/model-policies.js';
import { WorkerActivity } from '../registry/live/worker-activity.js';
import type { Worker } from '../registry/worker.js';
import { Replicas } from '../replicas/replicas.js';
import { SlotLeases } from '../replicas/slots/slot-leases.js';
import { REAL_CLOCK } from './admission/admission.js';
import { NoWorkerAvailableError, UnknownModelError } from './balancing-errors.js';
import { PoolActivity } from './pool-activity.js';
import { ModelPool } from './model-pool.js';
import { textHash } from './policies/picking.js';
import { concurrencyShare } from './model-pool.js';

/** Until the registry has been read. */
const RETRY_AFTER_S = 5;

/** Requests of one model on this replica. */
export interface ModelLoad {
  readonly model: string;
  readonly inFlight: number;
  readonly queued: number;
}

/** The desks of the models that were asked for, kept true to the registry, the policies and the other replicas. */
@Injectable()
export class ModelPools {
  private readonly desks = new Map<string, ModelPool>();

  constructor(
    private readonly live: LiveWorkers,
    private readonly lookup: ModelLookup,
    private readonly replicas: Replicas,
    private readonly slots: SlotLeases,
    private readonly policies: ModelPolicies,
    private readonly settings: BalancingSettings,
    activity: WorkerActivity,
  ) {
    live.onChange(() => this.applyRegistry());
    policies.onChange(() => this.applyPolicies());
    replicas.onChange(() => this.rebalance(this.desks.values()));
    slots.onChange((workerIds) => this.rebalance(this.poolsOf(workerIds)));
    activity.setSource(new PoolActivity(live, this.desks));
  }

  /** `undefined`: as far as is known here there is no such model. */
  of(modelName: string): ModelPool | undefined {
    const model = this.live.model(modelName);
    if (model === undefined) return undefined;
    const known = this.desks.get(modelName);
    if (known !== undefined) return known;
    const desk = new ModelPool(this.settings, REAL_CLOCK, (worker) => this.concurrencyLimitOf(worker));
    desk.setPolicy(this.policies.of(modelName));
    desk.update(model);
    this.desks.set(modelName, desk);
    return desk;
  }

  /** As `of`, after a look into the database. @throws UnknownModelError, NoWorkerAvailableError */
  async find(modelName: string): Promise<ModelPool> {
    await this.lookup.find(modelName);
    const desk = this.of(modelName);
    if (desk === undefined) throw this.unknownModel(modelName);
    return desk;
  }

  /** The models that were asked for since they came, and how things stand with them. */
  loads(): readonly ModelLoad[] {
    return [...this.desks].map(([model, { workerPool: roster, admission }]) => ({
      model,
      inFlight: roster.inFlight,
      queued: admission.queued,
    }));
  }

  /** Nobody is told that there is no such model before anybody can know. */
  private unknownModel(modelName: string): Error {
    if (this.live.lastLoadMs !== null) return new UnknownModelError(modelName);
    return new NoWorkerAvailableError(modelName, RETRY_AFTER_S, 'the registry has not been read yet');
  }

  private applyPolicies(): void {
    for (const [name, desk] of this.desks) desk.setPolicy(this.policies.of(name));
  }

  private applyRegistry(): void {
    for (const [name, desk] of this.desks) {
      const model = this.live.model(name) ?? null;
      desk.update(model);
      if (model === null && desk.isIdle) this.desks.delete(name);
    }
  }

  private rebalance(desks: Iterable<ModelPool>): void {
    for (const desk of desks) desk.rebalance();
  }

  private poolsOf(workerIds: readonly string[]): ReadonlySet<ModelPool> {
    const desks = workerIds.map((id) => this.desks.get(this.live.worker(id)?.modelName ?? ''));
    return new Set(desks.filter((desk) => desk !== undefined));
  }

  /** This replica's part of a cap that holds for all of them. */
  private concurrencyLimitOf({ id, maxConcurrency }: Worker): number {
    const { count, rank, isKnown } = this.replicas;
    if (!isKnown) return 0;
    const share = concurrencyShare(maxConcurrency, count, rank, textHash(id));
    const leased = this.slots.usable(id);
    if (leased === null) return share;
    // A share will do again, as soon as all replicas know.
    return maxConcurrency < count ? leased : Math.min(leased, share);
  }
}
