import { Injectable } from '@nestjs/common';
import { HealthSettings } from '../../config/settings.js';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import { WorkerActivity } from '../../registry/live/worker-activity.js';
import { type HealthState, judgeFault, judgeHealth } from './health-state.js';
import { type Brake, braked, LOOSE } from './mass-failure-brake.js';
import { nextProbeMs } from './next-probe.js';
import type { Planned } from '../probe/probe-plans.js';
import type { Sighting } from '../probe/sighting.js';

/** What this prober says of what it saw, its brake and its own requests included. Times are of `performance.now()`. */
@Injectable()
export class Verdicts {
  /** By model. */
  private readonly brakes = new Map<string, Brake>();

  constructor(
    private readonly live: LiveWorkers,
    private readonly activity: WorkerActivity,
    private readonly settings: HealthSettings,
  ) {}

  /**
   * @param seen `null`: the worker has a fault, and was not probed
   * @param lastServedMs as the other replicas know it
   */
  judge(
    planned: Planned,
    before: HealthState,
    seen: Sighting | null,
    lastServedMs: number | null,
    nowMs: number,
  ): HealthState {
    const { plan, worker } = planned;
    if ('fault' in plan || seen === null) {
      return judgeFault(before, 'fault' in plan ? plan.fault : 'it was not probed', nowMs);
    }
    const evidence = { ...seen, generation: before.generation };
    const servedMs = this.hasServedHere(worker.id, nowMs) ? nowMs : lastServedMs;
    return this.braked(
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
    seen: Sighting | null,
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

  private braked(modelName: string, before: HealthState, judged: HealthState, nowMs: number): HealthState {
    const probed = this.live.model(modelName)?.workers.filter(isProbed).length ?? 1;
    const limits = { share: this.settings.brakeShare, intervalMs: this.settings.intervalMs };
    for (const [name, { sinceMs }] of this.brakes) {
      if (nowMs - sinceMs >= limits.intervalMs) this.brakes.delete(name);
    }
    const pressed = this.brakes.get(modelName) ?? LOOSE;
    const { state, brake } = braked(pressed, before, judged, probed, limits, nowMs);
    if (brake !== pressed) this.brakes.set(modelName, brake);
    return state;
  }
}

/** People want it: it is, or was a moment ago, asked by callers. */
export function isProbed({ adminState }: Pick<Planned['worker'], 'adminState'>): boolean {
  return adminState === 'enabled' || adminState === 'draining';
}
