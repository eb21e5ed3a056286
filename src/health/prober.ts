import { Injectable } from '@nestjs/common';
import { guardedAgents } from '../upstream/guarded-agents.js';
import { UpstreamGuard } from '../upstream/upstream-guard.js';
import { probeHttp } from './http-probe.js';
import type { ProbeTarget } from './probe-plan.js';
import { sighting, type Sighting } from './sighting.js';
import { probeTcp } from './tcp-probe.js';

/** Goes and looks. Knows no worker and no verdict. */
@Injectable()
export class Prober {
  private readonly agents;

  constructor(private readonly guard: UpstreamGuard) {
    this.agents = guardedAgents(guard);
  }

  /** Never throws; what it says after `stop` was aborted means nothing. */
  probe(target: ProbeTarget, stop: AbortSignal): Promise<Sighting> {
    if (target.kind === 'http') return probeHttp(target, this.agents, stop);
    if (target.kind === 'tcp') return probeTcp(target, this.guard, stop);
    return Promise.resolve(sighting(true, 'not probed, as its health_check asks', 0, false));
  }
}
