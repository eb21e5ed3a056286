import { Injectable } from '@nestjs/common';
import { HealthSettings } from '../config/settings.js';
import { LiveWorkers } from '../registry/live-workers.js';
import { WorkerRefresher } from '../registry/worker-refresher.js';
import type { Worker, WorkerFault } from '../registry/worker.js';
import { planProbe, type ProbePlan } from './probe-plan.js';
import { ProbeLeases, type Claim } from './probe-leases.js';

/** A claimed worker and how it is probed. */
export interface PlannedProbe {
  readonly claim: Claim;
  readonly worker: Worker;
  readonly plan: ProbePlan | WorkerFault;
}

/** Workers that one probe answers for; more than one only where all are asked the same at one origin. */
export type ProbeGroup = readonly [PlannedProbe, ...PlannedProbe[]];

export interface DueProbes {
  readonly groups: readonly ProbeGroup[];
  /** As many were due as were asked for: there may be more. */
  readonly mayBeMore: boolean;
}

/** Finds what this replica is to probe now. */
@Injectable()
export class DueProbeFinder {
  /** A worker is replaced whole when it changes, so its plan never does. */
  private readonly plans = new WeakMap<Worker, ProbePlan | WorkerFault>();

  constructor(
    private readonly leases: ProbeLeases,
    private readonly live: LiveWorkers,
    private readonly refresher: WorkerRefresher,
    private readonly settings: HealthSettings,
  ) {}

  /** Claims up to `most` probes and those that can ride along with them. @throws DatabaseUnavailableError */
  async claim(most: number): Promise<DueProbes> {
    const claims = await this.leases.claimDue(most);
    const due = await this.planned(claims);
    const along = await this.claimRidersOf(due);
    return { groups: group([...due, ...along]), mayBeMore: claims.length === most };
  }

  /**
   * Others that would ask the same origin the same within half an interval: claimed now, they need no probe of their
   * own, and stay in step from then on.
   */
  private async claimRidersOf(due: readonly PlannedProbe[]): Promise<readonly PlannedProbe[]> {
    const shortestMs = new Map<string, number>();
    for (const { plan } of due) {
      if ('fault' in plan || plan.sharedBy === null) continue;
      const intervalMs = plan.intervalMs ?? this.settings.intervalMs;
      shortestMs.set(plan.sharedBy, Math.min(intervalMs, shortestMs.get(plan.sharedBy) ?? Infinity));
    }
    if (shortestMs.size === 0) return [];
    const dueIds = new Set(due.map(({ worker }) => worker.id));
    const candidates = new Map<number, string[]>();
    for (const worker of this.live.workers()) {
      const plan = this.planOf(worker);
      if ('fault' in plan || plan.sharedBy === null || dueIds.has(worker.id)) continue;
      const intervalMs = shortestMs.get(plan.sharedBy);
      if (intervalMs === undefined) continue;
      const sameInterval = candidates.get(intervalMs);
      if (sameInterval === undefined) candidates.set(intervalMs, [worker.id]);
      else sameInterval.push(worker.id);
    }
    const claims: Claim[] = [];
    for (const [intervalMs, ids] of candidates) {
      claims.push(...(await this.leases.claimSoonDue(ids, intervalMs / 2)));
    }
    return this.planned(claims);
  }

  /** Claims of workers that are gone, or were changed once more, are left to lapse: the database dropped them itself. */
  private async planned(claims: readonly Claim[]): Promise<readonly PlannedProbe[]> {
    const unknown = claims.filter(
      (claim) => this.live.worker(claim.workerId)?.generation !== claim.generation,
    );
    if (unknown.length > 0) await this.refresher.reload(unknown.map((claim) => claim.workerId));
    return claims.flatMap((claim) => {
      const worker = this.live.worker(claim.workerId);
      return worker?.generation === claim.generation ? [{ claim, worker, plan: this.planOf(worker) }] : [];
    });
  }

  private planOf(worker: Worker): ProbePlan | WorkerFault {
    const known = this.plans.get(worker);
    if (known !== undefined) return known;
    const plan = planProbe(worker, this.settings);
    this.plans.set(worker, plan);
    return plan;
  }
}

function group(planned: readonly PlannedProbe[]): readonly ProbeGroup[] {
  const shared = new Map<string, [PlannedProbe, ...PlannedProbe[]]>();
  const alone: ProbeGroup[] = [];
  for (const one of planned) {
    const key = 'fault' in one.plan ? null : one.plan.sharedBy;
    const together = key === null ? undefined : shared.get(key);
    if (together !== undefined) together.push(one);
    else if (key !== null) shared.set(key, [one]);
    else alone.push([one]);
  }
  return [...alone, ...shared.values()];
}
