import { Injectable } from '@nestjs/common';
import { BalancingSettings, type Priority } from '../config/balancing-settings.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { ModelLookup } from '../registry/live/model-lookup.js';
import { WorkerActivity } from '../registry/live/worker-activity.js';
import { ModelPolicies } from '../registry/models/model-policies.js';
import type { Worker } from '../registry/worker.js';
import { Replicas } from '../replicas/replicas.js';
import { evenShare } from '../replicas/slots/next-slots.js';
import { SharedSlots } from '../replicas/slots/shared-slots.js';
import { SlotLeases } from '../replicas/slots/slot-leases.js';
import { Metrics } from '../telemetry/metrics.js';
import { REAL_CLOCK } from './admission/clock.js';
import { waitingByTeam } from './admission/waiting-teams.js';
import { NoWorkerAvailableError, UnknownModelError } from './balancing-errors.js';
import { ModelPool } from './model-pool.js';
import type { PooledWorker } from './pool/pooled-worker.js';
import { PoolMetrics } from './pool-metrics.js';
import { PoolActivity } from './pool-activity.js';
import { slotSeconds, type SlotTime } from './slot-seconds.js';
import { WorkerTroubles } from './worker-results.js';

/** Until the registry has been read. */
const RETRY_AFTER_S = 5;

/** Requests of one model on this replica. */
export interface ModelLoad {
  readonly model: string;
  readonly inFlight: number;
  readonly queued: number;
  /** Requests that its usable workers may run, of all replicas together. */
  readonly cap: number;
  /** Of these, what this replica may use. */
  readonly held: number;
  /** Of `default`, and of the other classes that have waited. */
  readonly queuedByClass: Readonly<Partial<Record<Priority, number>>>;
  /** Of teams with requests that wait; '' for those of no team. */
  readonly queuedByTeam: ReadonlyMap<string, number>;
}

/** The pools of the models in use. They follow the registry, the models' policies and the number of replicas. */
@Injectable()
export class ModelPools {
  private readonly pools = new Map<string, ModelPool>();
  private readonly metrics: PoolMetrics;

  constructor(
    private readonly live: LiveWorkers,
    private readonly lookup: ModelLookup,
    private readonly replicas: Replicas,
    private readonly slots: SlotLeases,
    private readonly shared: SharedSlots,
    private readonly policies: ModelPolicies,
    private readonly settings: BalancingSettings,
    private readonly troubles: WorkerTroubles,
    activity: WorkerActivity,
    metrics: Metrics,
  ) {
    this.metrics = new PoolMetrics(metrics);
    metrics.add(slotSeconds(() => this.slotTimes()));
    live.onChange(({ models }) => this.applyRegistry(models));
    policies.onChange(() => this.applyPolicies());
    replicas.onChange(() => this.rebalance(this.pools.values()));
    slots.onChange((workerIds) => this.rebalance(this.poolsOf(workerIds)));
    shared.onChange((model) => this.pools.get(model)?.follow(shared.elsewhereOf(model)));
    activity.setSource(new PoolActivity(live, this.pools, troubles));
  }

  /** `undefined`: as far as is known here there is no such model. */
  of(modelName: string): ModelPool | undefined {
    const pool = this.peek(modelName);
    if (pool !== undefined) this.pools.set(modelName, pool);
    return pool;
  }

  /** The same for a look: a model that has not been used stays so. */
  peek(modelName: string): ModelPool | undefined {
    const model = this.live.model(modelName);
    if (model === undefined) return undefined;
    const known = this.pools.get(modelName);
    if (known !== undefined) return known;
    const pool = new ModelPool(
      this.settings,
      REAL_CLOCK,
      (worker) => ({
        concurrencyLimit: this.concurrencyLimitOf(worker),
        evenShare: this.shared.evenShareOf(worker),
      }),
      this.metrics.waitsOf(modelName),
      (granted) => this.metrics.countRetry(modelName, granted),
      (isHome) => this.metrics.countAffinity(modelName, isHome),
    );
    pool.setPolicy(this.policies.of(modelName));
    pool.update(model);
    return pool;
  }

  /** Like `of`, but reads the database first. @throws UnknownModelError, NoWorkerAvailableError */
  async find(modelName: string): Promise<ModelPool> {
    await this.lookup.find(modelName);
    const pool = this.of(modelName);
    if (pool === undefined) throw this.unknownModel(modelName);
    return pool;
  }

  /** Ids of the workers that are ejected here, or whose last request failed. */
  troubledWorkers(): readonly string[] {
    const ejected = [...this.pools.values()].flatMap(({ workerPool }) =>
      workerPool.all.filter(({ stats }) => stats.circuit.ejectedFor !== null).map(({ id }) => id),
    );
    return [...ejected, ...this.troubles.workerIds((id) => this.live.worker(id) !== undefined)];
  }

  /** The models that have been used, with their load. */
  loads(): readonly ModelLoad[] {
    return [...this.pools].map(([model, { workerPool, admission }]) => ({
      model,
      inFlight: workerPool.inFlight,
      queued: admission.queued,
      ...this.slotsOf(workerPool.all),
      queuedByClass: admission.queuedByClass(),
      queuedByTeam: waitingByTeam(admission.queues.tenants()),
    }));
  }

  private *slotTimes(): Generator<readonly [model: string, SlotTime]> {
    for (const [model, { slotTime }] of this.pools) yield [model, slotTime];
  }

  private slotsOf(workers: readonly PooledWorker[]): Pick<ModelLoad, 'cap' | 'held'> {
    let cap = 0;
    let held = 0;
    for (const { id, isEligible, member } of workers) {
      if (!isEligible) continue;
      cap += this.live.worker(id)?.maxConcurrency ?? 0;
      held += member.concurrencyLimit;
    }
    return { cap, held };
  }

  /** Before the registry has been read, no model is reported as unknown. */
  private unknownModel(modelName: string): Error {
    if (this.live.lastLoadMs !== null) return new UnknownModelError(modelName);
    const reason = 'the registry has not been read yet';
    return new NoWorkerAvailableError(modelName, RETRY_AFTER_S, reason, 'manager_database_unavailable');
  }

  private applyPolicies(): void {
    for (const [name, pool] of this.pools) pool.setPolicy(this.policies.of(name));
  }

  private applyRegistry(models: readonly string[]): void {
    for (const name of models) {
      const pool = this.pools.get(name);
      if (pool === undefined) continue;
      const model = this.live.model(name) ?? null;
      pool.update(model);
      if (model === null && pool.isIdle) this.pools.delete(name);
    }
  }

  private rebalance(pools: Iterable<ModelPool>): void {
    for (const pool of pools) pool.rebalance();
  }

  private poolsOf(workerIds: readonly string[]): ReadonlySet<ModelPool> {
    const pools = workerIds.map((id) => this.pools.get(this.live.worker(id)?.modelName ?? ''));
    return new Set(pools.filter((pool) => pool !== undefined));
  }

  /** This replica's part of a limit that holds for the whole cluster. */
  private concurrencyLimitOf(worker: Worker): number {
    const { id, maxConcurrency } = worker;
    const { count, isKnown } = this.replicas;
    if (!isKnown) return 0;
    const rest = this.replicas.ownRest(id);
    const leased = this.slots.usable(id);
    // Late requests must not wait for places that the others may use already: a limit exceeded for a moment loses none of them.
    if (rest !== null) return Math.max(rest, leased ?? evenShare(maxConcurrency, count + 1));
    const shared = this.shared.limitOf(worker);
    if (leased === null) return shared;
    // The part is enough again as soon as all replicas know.
    return maxConcurrency < count ? leased : Math.min(leased, shared);
  }
}
