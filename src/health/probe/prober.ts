import { Injectable } from '@nestjs/common';
import type { Counter, Histogram } from '../../telemetry/families.js';
import { Metrics } from '../../telemetry/metrics.js';
import { guardedAgents } from '../../upstream/guarded-connections.js';
import { UpstreamClient } from '../../upstream/upstream-client.js';
import { UpstreamGuard } from '../../upstream/upstream-guard.js';
import { probeHttp } from './http-probe.js';
import { probeInference } from './inference-probe.js';
import type { HttpTarget, ProbeTarget } from './probe-target.js';
import { type ProbeResult, succeeded } from './probe-result.js';
import { asleep, looksAsleep } from './sleep-look.js';
import { probeTcp } from './tcp-probe.js';
import { readWaiting } from './waiting-inside.js';

/** Seconds, up to the default of HEALTH_TIMEOUT_MS and the usual longer ones. */
const DURATION_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 5, 10];

/** Makes probes, without knowledge of workers and verdicts. */
@Injectable()
export class Prober {
  private readonly agents;
  private readonly results: Counter<'result'>;
  private readonly durations: Histogram<never>;

  constructor(
    private readonly guard: UpstreamGuard,
    private readonly client: UpstreamClient,
    metrics: Metrics,
  ) {
    this.agents = guardedAgents(guard);
    this.results = metrics.counter('mmm_probes_total', 'Probes made by this replica, by result.', ['result']);
    this.durations = metrics.histogram(
      'mmm_probe_duration_seconds',
      'How long probes took.',
      [],
      DURATION_BUCKETS,
    );
  }

  /** Never throws. A result after `stop` was aborted means nothing. */
  async probe(target: ProbeTarget, stop: AbortSignal): Promise<ProbeResult> {
    const seen = await this.withSleep(target, stop);
    if (target.kind === 'none' || stop.aborted) return seen;
    const isForbidden = seen.ownFault === 'settings';
    this.results.add({ result: isForbidden ? 'not_allowed' : (seen.failure ?? 'ok') });
    if (!isForbidden) this.durations.of({}).observe(seen.ms / 1000);
    return seen;
  }

  private async withSleep(target: ProbeTarget, stop: AbortSignal): Promise<ProbeResult> {
    const { asleepWhen } = target;
    if (asleepWhen === undefined) return this.made(target, stop);
    const startedMs = performance.now();
    const isAsleep = await looksAsleep(asleepWhen, this.client, stop);
    const tookMs = performance.now() - startedMs;
    if (isAsleep === true) return asleep(asleepWhen, tookMs);
    const left = target.kind === 'none' ? target : { ...target, timeoutMs: target.timeoutMs - tookMs };
    const seen = await this.made(left, stop);
    return isAsleep === null ? seen : { ...seen, isAsleep };
  }

  private async made(target: ProbeTarget, stop: AbortSignal): Promise<ProbeResult> {
    switch (target.kind) {
      case 'http':
        return this.withWaiting(target, await probeHttp(target, this.agents, stop), stop);
      case 'tcp':
        return probeTcp(target, this.guard, stop);
      case 'inference':
        return probeInference(target, this.client, stop);
      case 'none':
        return succeeded('not probed: its health_check has kind none', 0);
    }
  }

  private async withWaiting(
    { waiting: target, timeoutMs }: HttpTarget,
    seen: ProbeResult,
    stop: AbortSignal,
  ): Promise<ProbeResult> {
    if (target === undefined || seen.failure !== null || stop.aborted) return seen;
    const waiting = await readWaiting(target, this.agents, timeoutMs - seen.ms, stop);
    return waiting === null ? seen : { ...seen, waiting };
  }
}
