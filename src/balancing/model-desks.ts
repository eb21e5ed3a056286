import { Injectable } from '@nestjs/common';
import { BalancingSettings } from '../config/settings.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { ModelLookup } from '../registry/live/model-lookup.js';
import { ModelPolicies } from '../registry/models/model-policies.js';
import { WorkerActivity } from '../registry/live/worker-activity.js';
import type { Worker } from '../registry/worker.js';
import { Replicas } from '../replicas/replicas.js';
import { SlotLeases } from '../replicas/slot-leases.js';
import { REAL_CLOCK } from './admission/clock.js';
import { NoWorkerAvailableError, UnknownModelError } from './balancing-errors.js';
import { DeskActivity } from './desk-activity.js';
import { ModelDesk } from './model-desk.js';
import { textHash } from './policies/hash.js';
import { capShare } from './standing/cap-share.js';

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
export class ModelDesks {
  private readonly desks = new Map<string, ModelDesk>();

  constructor(
    private readonly live: LiveWorkers,
    private readonly lookup: ModelLookup,
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
    activity.setSource(new DeskActivity(live, this.desks));
  }

  /** `undefined`: as far as is known here there is no such model. */
  of(modelName: string): ModelDesk | undefined {
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

  /** As `of`, after a look into the database. @throws UnknownModelError, NoWorkerAvailableError */
  async find(modelName: string): Promise<ModelDesk> {
    await this.lookup.find(modelName);
    const desk = this.of(modelName);
    if (desk === undefined) throw this.unknown(modelName);
    return desk;
  }

  /** The models that were asked for since they came, and how things stand with them. */
  loads(): readonly ModelLoad[] {
    return [...this.desks].map(([model, { roster, admission }]) => ({
      model,
      inFlight: roster.inFlight,
      queued: admission.queued,
    }));
  }

  /** Nobody is told that there is no such model before anybody can know. */
  private unknown(modelName: string): Error {
    if (this.live.lastLoadMs !== null) return new UnknownModelError(modelName);
    return new NoWorkerAvailableError(modelName, RETRY_AFTER_S, 'the registry has not been read yet');
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
