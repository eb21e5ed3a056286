import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { Balancer } from './balancer.js';
import { ModelPools } from './model-pools.js';
import { PickExplainer } from './explain/pick-explainer.js';
import { TroubleReports } from './trouble-reports.js';
import { WorkerAttempts, WorkerTroubles } from './worker-results.js';

@Module({
  imports: [RegistryModule, ReplicasModule, TelemetryModule],
  providers: [Balancer, ModelPools, PickExplainer, TroubleReports, WorkerAttempts, WorkerTroubles],
  exports: [Balancer, ModelPools, PickExplainer, WorkerAttempts],
})
export class BalancingModule {}
