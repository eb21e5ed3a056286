import { Injectable, Logger } from '@nestjs/common';
import { RegistrySync } from '../../registry/live/registry-sync.js';
import { PowerNotes } from '../../registry/power/power-notes.js';
import type { Worker } from '../../registry/worker.js';
import type { PlannedProbe, ProbeGroup } from './due-probe-finder.js';
import { afterMissedHeartbeats } from '../evaluation/health-state.js';
import { ProbeLeases } from './probe-leases.js';
import { changesWorker, type ProbeOutcome } from './probe-outcome.js';
import { Prober } from '../probe/prober.js';
import type { ProbeResult } from '../probe/probe-result.js';
import { HealthEvaluator, powerEvidence, sleeps } from './health-evaluator.js';
import { HAND_ON_MS, ReplicaFaults } from './replica-faults.js';

/** One probe and its result, for a group of workers that share it. */
@Injectable()
export class ProbeRunner {
  private readonly logger = new Logger('Health');

  constructor(
    private readonly prober: Prober,
    private readonly leases: ProbeLeases,
    private readonly faults: ReplicaFaults,
    private readonly sync: RegistrySync,
    private readonly verdicts: HealthEvaluator,
    private readonly power: PowerNotes,
  ) {}

  /**
   * When `stop` is aborted, nothing is written.
   * @returns the result; `null`: not probed, because the definition has a fault
   * @throws DatabaseUnavailableError
   */
  async run(group: ProbeGroup, stop: AbortSignal): Promise<ProbeResult | null> {
    const [{ plan }] = group;
    const startedMs = performance.now();
    const seen = 'fault' in plan ? null : await this.prober.probe(plan.target, stop);
    if (stop.aborted) return seen;
    if (seen !== null) for (const { worker } of group) this.notePower(worker, seen, startedMs);
    const counting = await this.withoutOwnFaults(group, seen);
    // One random number for all: workers that share a probe stay in step.
    const chance = Math.random();
    const written = await this.leases.record(counting.map((planned) => this.evaluate(planned, seen, chance)));
    await this.publish(written.filter(changesWorker), group);
    return seen;
  }

  /** The probes whose result says something of the worker, and not of this replica alone. The others are handed on. */
  private async withoutOwnFaults(
    group: ProbeGroup,
    seen: ProbeResult | null,
  ): Promise<readonly PlannedProbe[]> {
    const [{ plan }] = group;
    const reason = 'fault' in plan ? (plan.setting === null ? null : plan.fault) : ownFaultOf(seen);
    if (reason === null) {
      await this.faults.withdraw(group.map(({ worker }) => worker));
      return group;
    }
    const shared = await this.faults.declare(group, reason);
    const own = group.filter(({ claim }) => !shared.has(claim.workerId)).map(({ claim }) => claim);
    if (own.length > 0) await this.leases.handOn(own, HAND_ON_MS);
    return group.filter(({ claim }) => shared.has(claim.workerId));
  }

  private notePower(worker: Worker, seen: ProbeResult, atMs: number): void {
    const evidence = powerEvidence(worker, seen);
    if (evidence !== null) this.power.see(worker.id, evidence, seen.detail, atMs);
  }

  private evaluate(planned: PlannedProbe, seen: ProbeResult | null, chance: number): ProbeOutcome {
    const nowMs = performance.now();
    const { claim } = planned;
    const { before } = claim;
    // A worker that sleeps sends no heartbeats.
    const hasMissedHeartbeats = claim.hasMissedHeartbeats && !sleeps(planned.worker, seen);
    const judged = this.verdicts.evaluate(planned, before, seen, claim.lastServedMs, nowMs);
    const after = hasMissedHeartbeats ? afterMissedHeartbeats(before, judged, nowMs) : judged;
    const isExpired =
      hasMissedHeartbeats && seen !== null && seen.failure !== null && after.health === 'unhealthy';
    const inMs = this.verdicts.nextProbeMs(planned, after, seen, chance, nowMs);
    return { claim, seen, after, isExpired, nextProbeMs: inMs };
  }

  /** This replica's snapshot shows a verdict at once, even without LISTEN. */
  private async publish(news: readonly ProbeOutcome[], group: ProbeGroup): Promise<void> {
    const verdicts = news.filter(
      ({ claim, after, isExpired }) => isExpired || claim.before.health !== after.health,
    );
    if (verdicts.length === 0) return;
    for (const { claim, after, isExpired } of verdicts) {
      const worker = group.find((planned) => planned.claim === claim)?.worker;
      const expired = isExpired ? ', and its heartbeats stopped' : '';
      const line = `${worker?.modelName} (worker ${claim.workerId}) is ${after.health}: ${after.reason}${expired}`;
      if (after.health === 'unhealthy') this.logger.warn(line);
      else this.logger.log(line);
    }
    await this.sync.reload(verdicts.map(({ claim }) => claim.workerId));
  }
}

/** What may keep this replica alone from the worker; `null`: nothing does. */
function ownFaultOf(seen: ProbeResult | null): string | null {
  return seen === null || seen.ownFault === null ? null : seen.detail;
}
