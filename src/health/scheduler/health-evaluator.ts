import { Injectable } from '@nestjs/common';
import { HealthSettings } from '../../config/settings.js';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import { WorkerActivity } from '../../registry/live/worker-activity.js';
import { type HealthState, judgeFault, judgeHealth } from '../evaluation/health-state.js';
import { type RecentEjections, limitEjection, NO_EJECTIONS } from '../evaluation/ejection-limit.js';
import { nextProbeMs } from '../evaluation/next-probe.js';
import type { Planned } from '../probe/probe-plans.js';
import type { ProbeResult } from '../probe/probe-result.js';

/** What this prober says of what it saw, its brake and its own requests included. Times are of `performance.now()`. */
@Injectable()
export class HealthEvaluator {
  /** By model. */
  private readonly ejections = new Map<string, RecentEjections>();

  constructor(
    private readonly live: LiveWorkers,
    private readonly activity: WorkerActivity,
    private readonly settings: HealthSettings,
  ) {}

  /**
   * @param seen `null`: the worker has a fault, and was not probed
   * @param lastServedMs as the other replicas know it
   */
  evaluate(
    planned: Planned,
    before: HealthState,
    seen: ProbeResult | null,
    lastServedMs: number | null,
    nowMs: number,
  ): HealthState {
    const { plan, worker } = planned;
    if ('fault' in plan || seen === null) {
      return judgeFault(before, 'fault' in plan ? plan.fault : 'it was not probed', nowMs);
    }
    const evidence = { ...seen, generation: before.generation };
    const servedMs = this.hasServedHere(worker.id, nowMs) ? nowMs : lastServedMs;
    return this.limited(
      worker.modelName,
      before,
      judgeHealth(before, evidence, servedMs, plan.limits, nowMs),
      nowMs,
    );
  }

  /** @param chance 0 to 1; one for all that share a probe keeps them in step */
  nextProbeMs(
    { plan }: Planned,
    state: HealthState,
    seen: ProbeResult | null,
    chance: number,
    nowMs: number,
  ): number {
    const { unsureIntervalMs, downIntervalMs, jitter } = this.settings;
    const usualMs = seen?.isPublic === true ? this.settings.publicIntervalMs : this.settings.intervalMs;
    const own = 'fault' in plan ? null : plan;
    const intervalMs = own?.intervalMs ?? usualMs;
    const rhythm = { intervalMs, unsureIntervalMs, downIntervalMs, jitter };
    return nextProbeMs(state, own?.limits ?? this.settings, rhythm, chance, nowMs);
  }

  private hasServedHere(workerId: string, nowMs: number): boolean {
    return this.activity.servedSince(nowMs - this.settings.servedMs).includes(workerId);
  }

  private limited(modelName: string, before: HealthState, judged: HealthState, nowMs: number): HealthState {
    const probed = this.live.model(modelName)?.workers.filter(isProbed).length ?? 1;
    const limits = { share: this.settings.brakeShare, intervalMs: this.settings.intervalMs };
    for (const [name, { sinceMs }] of this.ejections) {
      if (nowMs - sinceMs >= limits.intervalMs) this.ejections.delete(name);
    }
    const pressed = this.ejections.get(modelName) ?? NO_EJECTIONS;
    const { state, brake } = limitEjection(pressed, before, judged, probed, limits, nowMs);
    if (brake !== pressed) this.ejections.set(modelName, brake);
    return state;
  }
}

/** People want it: it is, or was a moment ago, asked by callers. */
export function isProbed({ adminState }: Pick<Planned['worker'], 'adminState'>): boolean {
  return adminState === 'enabled' || adminState === 'draining';
}
