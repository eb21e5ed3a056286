import { type DynamicModule, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { AccessModule } from './access/access.module.js';
import { BalancingModule } from './balancing/balancing.module.js';
import { ConfigModule } from './config/config.module.js';
import type { Settings } from './config/settings.js';
import type { DatabaseAddresses } from './database/data-source.js';
import type { ReplicaIdentity } from './database/replica-identity.js';
import { DatabaseModule } from './database/database.module.js';
import { HealthModule } from './health/health.module.js';
import { InferenceModule } from './inference/inference.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { OverviewModule } from './overview/overview.module.js';
import { RegistryModule } from './registry/registry.module.js';
import { ReplicasModule } from './replicas/replicas.module.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';
import { UsageModule } from './usage/usage.module.js';
import { WakingModule } from './waking/waking.module.js';

/** The root module. */
@Module({})
export class AppModule {
  static of(settings: Settings, addresses: DatabaseAddresses, identity: ReplicaIdentity): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.of(settings),
        DatabaseModule.at(addresses, identity),
        ScheduleModule.forRoot(),
        AccessModule,
        TelemetryModule,
        RegistryModule,
        UsageModule,
        HealthModule,
        ReplicasModule,
        BalancingModule,
        WakingModule,
        JobsModule,
        InferenceModule,
        OverviewModule,
      ],
    };
  }
}
