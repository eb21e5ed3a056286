import { Injectable } from '@nestjs/common';
import { HealthSettings } from '../../config/settings.js';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import { RegistrySync } from '../../registry/live/registry-sync.js';
import { inSlices } from '../../registry/live/slices.js';
import { ReplicaFaults } from './replica-faults.js';
import { ProbeLeases } from './probe-leases.js';
import type { Claim } from './probe-outcome.js';
import { groupByProbe, type Planned, ProbePlans } from '../probe/probe-plan.js';

/** A claimed worker and how it is probed. */
export interface PlannedProbe extends Planned {
  readonly claim: Claim;
}

/** Workers that share one probe: more than one only if all get the same request at one origin. */
export type ProbeGroup = readonly [PlannedProbe, ...PlannedProbe[]];

export interface DueProbes {
  readonly groups: readonly ProbeGroup[];
  /** The requested number was found: more may be due. */
  readonly mayBeMore: boolean;
  /** Of the due workers, how many one probe serves; 1 or more. */
  readonly workersPerProbe: number;
}

/** Finds the probes that this replica makes now. */
@Injectable()
export class DueProbeFinder {
  constructor(
    private readonly leases: ProbeLeases,
    private readonly live: LiveWorkers,
    private readonly sync: RegistrySync,
    private readonly plans: ProbePlans,
    private readonly faults: ReplicaFaults,
    private readonly settings: HealthSettings,
  ) {}

  /** Claims up to `most` probes, and those that share them. @throws DatabaseUnavailableError */
  async claim(most: number): Promise<DueProbes> {
    const claims = await this.leases.claimDue(most, this.faults.leftToOthers());
    const due = await this.planned(claims);
    const along = await this.claimRidersOf(due);
    const groups = groupByProbe([...due, ...along]);
    return {
      groups,
      mayBeMore: claims.length === most,
      workersPerProbe: Math.max(1, due.length / Math.max(1, groups.length)),
    };
  }

  /**
   * Other workers whose probe would send the same request to the same origin within half an interval: claimed now, they
   * need no probe of their own, and stay in step from then on.
   */
  private async claimRidersOf(due: readonly PlannedProbe[]): Promise<readonly PlannedProbe[]> {
    const shortestMs = new Map<string, number>();
    for (const { plan } of due) {
      if ('fault' in plan || plan.sharedBy === null) continue;
      const intervalMs = plan.intervalMs ?? this.settings.intervalMs;
      shortestMs.set(plan.sharedBy, Math.min(intervalMs, shortestMs.get(plan.sharedBy) ?? Infinity));
    }
    if (shortestMs.size === 0) return [];
    const skipped = new Set([...due.map(({ worker }) => worker.id), ...this.faults.leftToOthers()]);
    const candidates = new Map<number, string[]>();
    // After a change of all rows, all are planned anew.
    await inSlices(this.live.workers(), (worker) => {
      const plan = this.plans.of(worker);
      if ('fault' in plan || plan.sharedBy === null || skipped.has(worker.id)) return;
      const intervalMs = shortestMs.get(plan.sharedBy);
      if (intervalMs === undefined) return;
      const sameInterval = candidates.get(intervalMs);
      if (sameInterval === undefined) candidates.set(intervalMs, [worker.id]);
      else sameInterval.push(worker.id);
    });
    const claims: Claim[] = [];
    for (const [intervalMs, ids] of candidates) {
      claims.push(...(await this.leases.claimSoonDue(ids, intervalMs / 2)));
    }
    return this.planned(claims);
  }

  /** Claims of workers that were deleted or changed again are ignored: the database has dropped them. */
  private async planned(claims: readonly Claim[]): Promise<readonly PlannedProbe[]> {
    const unknown = claims.filter(
      (claim) => this.live.worker(claim.workerId)?.generation !== claim.generation,
    );
    if (unknown.length > 0) await this.sync.reload(unknown.map((claim) => claim.workerId));
    return claims.flatMap((claim) => {
      const worker = this.live.worker(claim.workerId);
      return worker?.generation === claim.generation ? [{ claim, worker, plan: this.plans.of(worker) }] : [];
    });
  }
}
