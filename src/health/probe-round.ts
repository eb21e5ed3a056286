import { Injectable, Logger } from '@nestjs/common';
import { HealthSettings } from '../config/settings.js';
import { WorkerRefresher } from '../registry/worker-refresher.js';
import type { PlannedProbe, ProbeGroup } from './due-probe-finder.js';
import { judge, judgeFault } from './judge.js';
import { nextProbeMs } from './next-probe.js';
import { isNews, ProbeLeases, type Result } from './probe-leases.js';
import { Prober } from './prober.js';
import type { Sighting } from './sighting.js';

/** One probe from looking to writing down: for a group of workers that share it. */
@Injectable()
export class ProbeRound {
  private readonly logger = new Logger('Health');

  constructor(
    private readonly prober: Prober,
    private readonly leases: ProbeLeases,
    private readonly refresher: WorkerRefresher,
    private readonly settings: HealthSettings,
  ) {}

  /** When `stop` is aborted, nothing is written. @throws DatabaseUnavailableError */
  async run(group: ProbeGroup, stop: AbortSignal): Promise<void> {
    const [{ plan }] = group;
    const seen = 'fault' in plan ? null : await this.prober.probe(plan.target, stop);
    if (stop.aborted) return;
    // One chance for all: workers that share a probe stay in step.
    const chance = Math.random();
    const written = await this.leases.record(group.map((planned) => this.conclude(planned, seen, chance)));
    await this.spread(written.filter(isNews), group);
  }

  private conclude({ claim, plan }: PlannedProbe, seen: Sighting | null, chance: number): Result {
    const { failuresDown, unsureIntervalMs, downIntervalMs, jitter } = this.settings;
    const intervalMs = seen?.isPublic === true ? this.settings.publicIntervalMs : this.settings.intervalMs;
    const rhythm = { intervalMs, unsureIntervalMs, downIntervalMs, jitter };
    if ('fault' in plan || seen === null) {
      const after = judgeFault('fault' in plan ? plan.fault : 'it was not probed');
      return { claim, seen: null, after, nextProbeMs: nextProbeMs(after, failuresDown, rhythm, chance) };
    }
    const after = judge(claim.before, seen, plan.thresholds);
    const own = { ...rhythm, intervalMs: plan.intervalMs ?? intervalMs };
    return {
      claim,
      seen,
      after,
      nextProbeMs: nextProbeMs(after, plan.thresholds.failuresDown, own, chance),
    };
  }

  /** This replica's snapshot shows a verdict at once, also where LISTEN is impossible. */
  private async spread(news: readonly Result[], group: ProbeGroup): Promise<void> {
    const verdicts = news.filter(({ claim, after }) => claim.before.health !== after.health);
    if (verdicts.length === 0) return;
    for (const { claim, after } of verdicts) {
      const worker = group.find((planned) => planned.claim === claim)?.worker;
      const line = `${worker?.modelName} (worker ${claim.workerId}) is ${after.health}: ${after.reason}`;
      if (after.health === 'unhealthy') this.logger.warn(line);
      else this.logger.log(line);
    }
    await this.refresher.reload(verdicts.map(({ claim }) => claim.workerId));
  }
}
