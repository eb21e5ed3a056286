import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { DueProbeFinder } from './rounds/due-probe-finder.js';
import { HealthChecker } from './rounds/health-checker.js';
import { MemoryRounds } from './rounds/memory-rounds.js';
import { ProbeLeases } from './rounds/probe-leases.js';
import { ProbeNow } from './probe-now.js';
import { ProbePlans } from './probe/probe-plans.js';
import { ProbeRound } from './rounds/probe-round.js';
import { ProbeController } from './probe.controller.js';
import { Prober } from './probe/prober.js';
import { ReadinessController } from './readiness.controller.js';
import { Readiness } from './readiness.js';
import { Verdicts } from './judging/verdicts.js';

/** Are they well? Writes what it finds into the registry, from where the balancer learns it. */
@Module({
  imports: [RegistryModule, UpstreamModule],
  controllers: [ProbeController, ReadinessController],
  providers: [
    DueProbeFinder,
    HealthChecker,
    MemoryRounds,
    ProbeLeases,
    ProbeNow,
    ProbePlans,
    ProbeRound,
    Prober,
    Readiness,
    Verdicts,
  ],
  exports: [Readiness],
})
export class HealthModule {}
