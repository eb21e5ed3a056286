import type { BalancingSettings } from '../config/settings.js';
import type { Model } from '../registry/live-workers.js';
import { isCallable, type Worker } from '../registry/worker.js';
import { Admission } from './admission/admission.js';
import type { Clock } from './admission/clock.js';
import { RetryBudget } from './admission/retry-budget.js';
import { POLICIES } from './policies.js';
import type { Policy } from './policy.js';
import { Roster } from './standing/roster.js';
import type { Member } from './standing/standing.js';

/** All that this replica keeps of one model to balance it: who serves, who waits, what may be retried. */
export class ModelDesk {
  readonly roster: Roster;
  readonly admission: Admission;
  readonly retries: RetryBudget;
  private model: Model | null = null;
  private byId: ReadonlyMap<string, Worker> = new Map();

  constructor(
    settings: BalancingSettings,
    private readonly clock: Clock,
  ) {
    const policy: Policy<unknown> = POLICIES[settings.strategy];
    this.roster = new Roster(policy, settings.standing, Math.random);
    this.admission = new Admission(this.roster, clock, settings.admission);
    this.retries = new RetryBudget(settings.retry);
  }

  /** The registry may have changed; `null`: the model is gone, and so is whoever waits for it. */
  become(model: Model | null): void {
    if (model === this.model) return;
    this.model = model;
    const workers = model?.workers ?? [];
    this.byId = new Map(workers.map((worker) => [worker.id, worker]));
    this.roster.become(workers.map(memberOf), this.clock.nowMs());
    this.admission.serve();
  }

  worker(id: string): Worker | undefined {
    return this.byId.get(id);
  }

  get isIdle(): boolean {
    return this.admission.queued === 0 && this.roster.all.every(({ inFlight }) => inFlight === 0);
  }
}

function memberOf(worker: Worker): Member {
  return {
    id: worker.id,
    weight: worker.weight,
    priority: worker.priority,
    cap: worker.maxConcurrency,
    isOpen: worker.adminState === 'enabled' && isCallable(worker),
    health: worker.health,
    generation: worker.generation,
  };
}
