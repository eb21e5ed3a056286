import type { BalancingSettings } from '../config/settings.js';
import type { Model } from '../registry/live/live-workers.js';
import type { ModelPolicy } from '../registry/models/model-policy.js';
import { isCallable, type Worker } from '../registry/worker.js';
import { Admission, type AdmissionLimits } from './admission/admission.js';
import type { Clock } from './admission/admission.js';
import { RetryBudget } from './admission/retry-budget.js';
import { POLICIES } from './policies/strategies.js';
import { WorkerPool } from './pool/worker-pool.js';
import type { PoolMember } from './pool/pooled-worker.js';

/** All that this replica keeps of one model to balance it: who serves, who waits, what may be retried. */
export class ModelPool {
  readonly workerPool: WorkerPool;
  readonly admission: Admission;
  readonly retryBudget: RetryBudget;
  /** When somebody last asked for the model. */
  lastRequestMs = -Infinity;
  private model: Model | null = null;
  private byId: ReadonlyMap<string, Worker> = new Map();

  constructor(
    private readonly settings: BalancingSettings,
    private readonly clock: Clock,
    private readonly capOf: (worker: Worker) => number,
  ) {
    this.workerPool = new WorkerPool(POLICIES[settings.strategy], settings.standing, Math.random);
    this.admission = new Admission(this.workerPool, clock, settings.admission);
    this.retryBudget = new RetryBudget(settings.retry);
  }

  /** The registry may have changed; `null`: the model is gone, and so is whoever waits for it. */
  update(model: Model | null): void {
    if (model === this.model) return;
    this.model = model;
    const before = this.byId;
    const workers = model?.workers ?? [];
    this.byId = new Map(workers.map((worker) => [worker.id, worker]));
    for (const worker of workers)
      if (wasEnabledAgain(worker, before.get(worker.id))) this.workerPool.clearEjection(worker.id);
    this.rebalance();
  }

  /** What holds for the model may have changed; `undefined`: the settings decide. */
  setPolicy(policy: ModelPolicy | undefined): void {
    this.workerPool.setPolicy(POLICIES[policy?.strategy ?? this.settings.strategy]);
    this.admission.setLimits(queueLimits(policy, this.settings.admission));
  }

  /** The parts of the caps that are this replica's may have changed. */
  rebalance(): void {
    const members = [...this.byId.values()].map((worker) => memberOf(worker, this.capOf(worker)));
    this.workerPool.update(members, this.clock.nowMs());
    this.admission.serveQueue();
  }

  worker(id: string): Worker | undefined {
    return this.byId.get(id);
  }

  get isIdle(): boolean {
    return this.admission.queued === 0 && this.workerPool.inFlight === 0;
  }
}

/** A queue of its own length does not depend on caps. */
function queueLimits(policy: ModelPolicy | undefined, settings: AdmissionLimits): AdmissionLimits {
  const { queueMax = null, queueWaitMs = null } = policy ?? {};
  const limits = queueMax === null ? settings : { ...settings, mostWaiting: queueMax, perSlot: queueMax };
  return queueWaitMs === null ? limits : { ...limits, maxWaitMs: queueWaitMs };
}

function memberOf(worker: Worker, cap: number): PoolMember {
  return {
    id: worker.id,
    weight: worker.weight,
    priority: worker.priority,
    cap,
    isOpen: worker.adminState === 'enabled' && isCallable(worker),
    health: worker.health,
    generation: worker.generation,
  };
}

/** Somebody enabled it, again or anew: what was held against it is forgotten. */
function wasEnabledAgain(worker: Worker, before: Worker | undefined): boolean {
  return (
    before !== undefined &&
    worker.adminState === 'enabled' &&
    worker.adminStateSinceMs !== before.adminStateSinceMs
  );
}

/**
 * One replica's part of a cap that holds for the whole cluster. The parts add up to the cap; who gets what is left over
 * differs from worker to worker, so that no replica is the poorest everywhere. 0 where the cap is below the number of
 * replicas and this one has no part: such slots must be leased.
 * @param rank of this replica among the live ones, 0 to replicas - 1
 * @param workerHash the worker's, the same on every replica
 */
export function concurrencyShare(cap: number, replicas: number, rank: number, workerHash: number): number {
  if (replicas <= 1) return cap;
  const turn = (rank + workerHash) % replicas;
  return Math.floor(cap / replicas) + (turn < cap % replicas ? 1 : 0);
}
