import { Injectable } from '@nestjs/common';
import { HealthSettings } from '../../config/settings.js';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import type { PowerEvidence } from '../../registry/power/power.js';
import { WorkerActivity } from '../../registry/live/worker-activity.js';
import { REFUSED } from '../../upstream/classify-failure.js';
import { type HealthState, judgeFault, judgeHealth } from '../evaluation/health-state.js';
import { type RecentEjections, limitEjection, NO_EJECTIONS } from '../evaluation/ejection-limit.js';
import { nextProbeMs } from '../evaluation/next-probe.js';
import { EngineQueues, withQueueWarning } from './engine-queues.js';
import type { Planned } from '../probe/probe-plan.js';
import type { ProbeResult } from '../probe/probe-result.js';

/** Turns probe results into verdicts, with this replica's ejection limit and its own requests. Times are of `performance.now()`. */
@Injectable()
export class HealthEvaluator {
  /** By model. */
  private readonly ejections = new Map<string, RecentEjections>();

  constructor(
    private readonly live: LiveWorkers,
    private readonly activity: WorkerActivity,
    private readonly settings: HealthSettings,
    private readonly queues: EngineQueues,
  ) {}

  /**
   * @param seen `null`: the worker has a fault and was not probed
   * @param lastServedMs from the table, for all replicas
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
      const faulty = judgeFault(before, 'fault' in plan ? plan.fault : 'not probed', nowMs);
      return this.limited(worker.modelName, before, faulty, nowMs);
    }
    if (sleeps(worker, seen))
      return { ...before, failuresInRow: 0, unreachableInRow: 0, failingSinceMs: null };
    const evidence = { ...seen, generation: before.generation };
    const servedMs = latest(lastServedMs, this.activity.lastServedMs(worker.id));
    const judged = judgeHealth(before, evidence, servedMs, plan.limits, nowMs);
    const limited = this.limited(worker.modelName, before, judged, nowMs);
    const inRow = this.queues.note(worker, seen.waiting, plan.intervalMs, nowMs);
    return withQueueWarning(limited, inRow, seen.detail, worker.maxConcurrency);
  }

  /** @param chance 0 to 1, the same for all workers that share a probe, so that they stay in step */
  nextProbeMs(
    { plan }: Planned,
    state: HealthState,
    seen: ProbeResult | null,
    chance: number,
    nowMs: number,
  ): number {
    const { fastIntervalMs, downIntervalMs, jitter } = this.settings;
    const usualMs = seen?.isPublic === true ? this.settings.publicIntervalMs : this.settings.intervalMs;
    const own = 'fault' in plan ? null : plan;
    const intervalMs = own?.intervalMs ?? usualMs;
    const rhythm = { intervalMs, fastIntervalMs, downIntervalMs, jitter };
    return nextProbeMs(state, own?.limits ?? this.settings, rhythm, chance, nowMs);
  }

  private limited(modelName: string, before: HealthState, judged: HealthState, nowMs: number): HealthState {
    const probed = this.live.model(modelName)?.workers.filter(isProbed).length ?? 1;
    const limits = { share: this.settings.ejectionLimitShare, intervalMs: this.settings.intervalMs };
    for (const [name, { sinceMs }] of this.ejections) {
      if (nowMs - sinceMs >= limits.intervalMs) this.ejections.delete(name);
    }
    const recent = this.ejections.get(modelName) ?? NO_EJECTIONS;
    const limited = limitEjection(recent, before, judged, probed, limits, nowMs);
    if (limited.recent !== recent) this.ejections.set(modelName, limited.recent);
    return limited.state;
  }
}

/** A worker that can be woken and shows that it sleeps, refuses connections, or is not awake, is asleep: that is no verdict on its health. */
export function sleeps({ power }: Planned['worker'], seen: ProbeResult | null): boolean {
  if (power === null || seen === null) return false;
  return seen.isAsleep === true || (seen.failure !== null && (power.state !== 'awake' || isRefusal(seen)));
}

/** What a probe shows of a worker that can sleep; `null`: nothing. */
export function powerEvidence(
  { power, healthCheck }: Pick<Planned['worker'], 'power' | 'healthCheck'>,
  seen: ProbeResult,
): PowerEvidence | null {
  if (power === null) return null;
  if (seen.isAsleep !== undefined) return seen.isAsleep ? 'shows_asleep' : 'shows_awake';
  // Without a probe, nothing was seen.
  if (healthCheck.kind === 'none') return null;
  if (seen.failure === null) return 'answered';
  return isRefusal(seen) ? 'refused' : null;
}

function isRefusal({ failure, detail }: ProbeResult): boolean {
  return failure === 'connection' && detail.includes(REFUSED);
}

function latest(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

/** Only workers that clients use, or used until a moment ago, are probed. */
export function isProbed({ adminState }: Pick<Planned['worker'], 'adminState'>): boolean {
  return adminState === 'enabled' || adminState === 'draining';
}
