import type { AdmissionLimits, BalancingSettings, Strategy } from '../config/balancing-settings.js';
import type { Model } from '../registry/live/live-workers.js';
import type { ModelPolicy } from '../registry/models/model-policy.js';
import { isCallable, type Worker } from '../registry/worker.js';
import type { Elsewhere } from './admission/accounts.js';
import { Admission } from './admission/admission.js';
import type { Clock } from './admission/clock.js';
import { RetryBudget } from './admission/retry-budget.js';
import type { QueueWaits } from './pool-metrics.js';
import { knownStrategy, POLICIES } from './policies/strategies.js';
import type { PoolMember } from './pool/pooled-worker.js';
import { WorkerPool } from './pool/worker-pool.js';
import { SlotTime } from './slot-seconds.js';

/** What this replica may use of a worker. */
export type SlotsHere = Pick<PoolMember, 'concurrencyLimit' | 'evenShare'>;

/** What this replica keeps of one model to balance it: its workers, its queue, its retry budget. */
export class ModelPool {
  readonly workerPool: WorkerPool;
  readonly admission: Admission;
  readonly retryBudget: RetryBudget;
  readonly slotTime = new SlotTime();
  /** When the last request for the model came. */
  lastRequestMs = -Infinity;
  /** In force. Changed by the pool alone. */
  strategy: Strategy;
  private model: Model | null = null;
  private byId: ReadonlyMap<string, Worker> = new Map();

  constructor(
    private readonly settings: BalancingSettings,
    private readonly clock: Clock,
    private readonly slotsOf: (worker: Worker) => SlotsHere,
    readonly waits: QueueWaits,
    onRetry: (granted: boolean) => void,
    onAffinity: (isHome: boolean) => void,
  ) {
    this.strategy = settings.strategy;
    this.workerPool = new WorkerPool(POLICIES[settings.strategy], settings.stats, Math.random, onAffinity);
    this.admission = new Admission(this.workerPool, clock, settings.admission);
    this.retryBudget = new RetryBudget(settings.retry, onRetry);
  }

  /** Follows the registry; `null`: the model is gone, and waiting requests are rejected. */
  update(model: Model | null): void {
    if (model === this.model) return;
    this.model = model;
    const before = this.byId;
    const workers = model?.workers ?? [];
    this.byId = new Map(workers.map((worker) => [worker.id, worker]));
    for (const worker of workers)
      if (wasEnabledAgain(worker, before.get(worker.id)) || hasWoken(worker, before.get(worker.id)))
        this.workerPool.clearEjection(worker.id);
    this.rebalance();
  }

  /** Follows the model's policy; `undefined`: the settings decide. */
  setPolicy(policy: ModelPolicy | undefined): void {
    const { strategy } = this.settings;
    this.strategy = knownStrategy(policy?.strategy ?? strategy, strategy);
    this.workerPool.setPolicy(POLICIES[this.strategy]);
    this.admission.setLimits(queueLimits(policy, this.settings.admission));
  }

  /** Follows an exchange of slots. @param elsewhere requests of tenants that run at other replicas */
  follow(elsewhere: Elsewhere | undefined): void {
    if (elsewhere !== undefined) this.admission.queues.runElsewhere(elsewhere, this.clock.nowMs());
    this.rebalance();
  }

  /** Recalculates this replica's share of each worker's concurrency limit. */
  rebalance(): void {
    const members = [...this.byId.values()].map((worker) => memberOf(worker, this.slotsOf(worker)));
    this.workerPool.update(members);
    this.admission.serveQueue();
  }

  worker(id: string): Worker | undefined {
    return this.byId.get(id);
  }

  get isIdle(): boolean {
    return this.admission.queued === 0 && this.workerPool.inFlight === 0;
  }
}

/** A queue length given by the model's policy does not depend on concurrency limits. */
function queueLimits(policy: ModelPolicy | undefined, settings: AdmissionLimits): AdmissionLimits {
  const { queueMax = null, queueWaitMs = null, holdMs = null, bulkShare = null } = policy ?? {};
  return {
    ...settings,
    mostWaiting: queueMax ?? settings.mostWaiting,
    perSlot: queueMax ?? settings.perSlot,
    maxWaitMs: queueWaitMs ?? settings.maxWaitMs,
    holdMs: holdMs ?? settings.holdMs,
    bulkShare: bulkShare ?? settings.bulkShare,
  };
}

function memberOf(worker: Worker, slots: SlotsHere): PoolMember {
  return {
    id: worker.id,
    weight: worker.weight,
    priority: worker.priority,
    ...slots,
    isEnabled: worker.adminState === 'enabled' && isCallable(worker),
    health: hasJustWoken(worker) && worker.health === 'unhealthy' ? 'unknown' : worker.health,
    isAsleep: (worker.power ?? null) !== null && worker.power?.state !== 'awake',
    generation: worker.generation,
  };
}

/** What made it refuse requests while it slept says nothing of it now. */
function hasWoken(worker: Worker, before: Worker | undefined): boolean {
  return (
    worker.power?.state === 'awake' && (before?.power ?? null) !== null && before?.power?.state !== 'awake'
  );
}

/** Until the probe that follows a waking, its health is of the time before. */
const UNPROBED_MS = 15_000;

function hasJustWoken({ power }: Worker): boolean {
  return power?.state === 'awake' && Date.now() - power.sinceMs < UNPROBED_MS;
}

/** An operator enabled it, again or anew. */
function wasEnabledAgain(worker: Worker, before: Worker | undefined): boolean {
  return (
    before !== undefined &&
    worker.adminState === 'enabled' &&
    worker.adminStateSinceMs !== before.adminStateSinceMs
  );
}
