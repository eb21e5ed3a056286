import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { DueProbeFinder } from './due-probe-finder.js';
import { HealthChecker } from './health-checker.js';
import { ProbeLeases } from './probe-leases.js';
import { ProbeRound } from './probe-round.js';
import { Prober } from './prober.js';

import { ReadinessController } from './readiness.controller.js';
import { Readiness } from './readiness.js';

/** Are they well? Writes what it finds into the registry, from where the balancer learns it. */
@Module({
  imports: [RegistryModule, UpstreamModule],
  controllers: [ReadinessController],
  providers: [DueProbeFinder, HealthChecker, ProbeLeases, ProbeRound, Prober, Readiness],
  exports: [Readiness],
})
export class HealthModule {}
