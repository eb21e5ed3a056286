import { AccessModule } from '../access/access.module.js';
import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { BulkController } from './bulk.controller.js';
import { DueProbeFinder } from './scheduler/due-probe-finder.js';
import { EngineQueues } from './scheduler/engine-queues.js';
import { HealthChecker } from './scheduler/health-checker.js';
import { LocalProber } from './scheduler/local-prober.js';
import { ProbeLeases } from './scheduler/probe-leases.js';
import { ProbeNow } from './probe-now.js';
import { ProbePlans } from './probe/probe-plan.js';
import { ProbeRunner } from './scheduler/probe-runner.js';
import { ReplicaFaults } from './scheduler/replica-faults.js';
import { ProbeController } from './probe.controller.js';
import { Prober } from './probe/prober.js';
import { OwnSettings } from './own-settings.js';
import { ReadinessController } from './readiness.controller.js';
import { Readiness } from './readiness.js';
import { StartCheck } from './start-check.js';
import { HealthEvaluator } from './scheduler/health-evaluator.js';

/** Health checks. Writes health into the registry, from where the balancer reads it. */
@Module({
  imports: [AccessModule, RegistryModule, ReplicasModule, TelemetryModule, UpstreamModule],
  controllers: [BulkController, ProbeController, ReadinessController],
  providers: [
    DueProbeFinder,
    EngineQueues,
    HealthChecker,
    LocalProber,
    OwnSettings,
    ProbeLeases,
    ProbeNow,
    ProbePlans,
    ProbeRunner,
    ReplicaFaults,
    Prober,
    Readiness,
    StartCheck,
    HealthEvaluator,
  ],
  exports: [Readiness],
})
export class HealthModule {}
