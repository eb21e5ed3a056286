import { Injectable } from '@nestjs/common';
import { guardedAgents } from '../../upstream/guarded-connections.js';
import { UpstreamClient } from '../../upstream/upstream-client.js';
import { UpstreamGuard } from '../../upstream/upstream-guard.js';
import { probeHttp } from './http-probe.js';
import { probeInference } from './inference-probe.js';
import type { ProbeTarget } from './probe-target.js';
import { type ProbeResult, succeeded } from './probe-result.js';
import { probeTcp } from './tcp-probe.js';

/** Makes probes, without knowledge of workers and verdicts. */
@Injectable()
export class Prober {
  private readonly agents;

  constructor(
    private readonly guard: UpstreamGuard,
    private readonly client: UpstreamClient,
  ) {
    this.agents = guardedAgents(guard);
  }

  /** Never throws. A result after `stop` was aborted means nothing. */
  probe(target: ProbeTarget, stop: AbortSignal): Promise<ProbeResult> {
    switch (target.kind) {
      case 'http':
        return probeHttp(target, this.agents, stop);
      case 'tcp':
        return probeTcp(target, this.guard, stop);
      case 'inference':
        return probeInference(target, this.client, stop);
      case 'none':
        return Promise.resolve(succeeded('not probed: its health_check has kind none', 0));
    }
  }
}
