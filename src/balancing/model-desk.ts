import type { BalancingSettings } from '../config/settings.js';
import type { Model } from '../registry/live/live-workers.js';
import type { ModelPolicy } from '../registry/models/model-policy.js';
import { isCallable, type Worker } from '../registry/worker.js';
import { Admission, type AdmissionLimits } from './admission/admission.js';
import type { Clock } from './admission/clock.js';
import { RetryBudget } from './admission/retry-budget.js';
import { POLICIES } from './policies.js';
import { Roster } from './standing/roster.js';
import type { Member } from './standing/standing.js';

/** All that this replica keeps of one model to balance it: who serves, who waits, what may be retried. */
export class ModelDesk {
  readonly roster: Roster;
  readonly admission: Admission;
  readonly retries: RetryBudget;
  /** When somebody last asked for the model. */
  askedAtMs = -Infinity;
  private model: Model | null = null;
  private byId: ReadonlyMap<string, Worker> = new Map();

  constructor(
    private readonly settings: BalancingSettings,
    private readonly clock: Clock,
    private readonly capOf: (worker: Worker) => number,
  ) {
    this.roster = new Roster(POLICIES[settings.strategy], settings.standing, Math.random);
    this.admission = new Admission(this.roster, clock, settings.admission);
    this.retries = new RetryBudget(settings.retry);
  }

  /** The registry may have changed; `null`: the model is gone, and so is whoever waits for it. */
  become(model: Model | null): void {
    if (model === this.model) return;
    this.model = model;
    const before = this.byId;
    const workers = model?.workers ?? [];
    this.byId = new Map(workers.map((worker) => [worker.id, worker]));
    for (const worker of workers)
      if (isForgiven(worker, before.get(worker.id))) this.roster.pardon(worker.id);
    this.shareOut();
  }

  /** What holds for the model may have changed; `undefined`: the settings decide. */
  obey(policy: ModelPolicy | undefined): void {
    this.roster.use(POLICIES[policy?.strategy ?? this.settings.strategy]);
    this.admission.use(queueOf(policy, this.settings.admission));
  }

  /** The parts of the caps that are this replica's may have changed. */
  shareOut(): void {
    const members = [...this.byId.values()].map((worker) => memberOf(worker, this.capOf(worker)));
    this.roster.become(members, this.clock.nowMs());
    this.admission.serve();
  }

  worker(id: string): Worker | undefined {
    return this.byId.get(id);
  }

  get isIdle(): boolean {
    return this.admission.queued === 0 && this.roster.inFlight === 0;
  }
}

/** A queue of its own length does not depend on caps. */
function queueOf(policy: ModelPolicy | undefined, settings: AdmissionLimits): AdmissionLimits {
  const { queueMax = null, queueWaitMs = null } = policy ?? {};
  const limits = queueMax === null ? settings : { ...settings, mostWaiting: queueMax, perSlot: queueMax };
  return queueWaitMs === null ? limits : { ...limits, maxWaitMs: queueWaitMs };
}

function memberOf(worker: Worker, cap: number): Member {
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
function isForgiven(worker: Worker, before: Worker | undefined): boolean {
  return (
    before !== undefined &&
    worker.adminState === 'enabled' &&
    worker.adminStateSinceMs !== before.adminStateSinceMs
  );
}
