import { type DynamicModule, Global, Module } from '@nestjs/common';
import {
  AccessSettings,
  CredentialsSettings,
  DatabaseSettings,
  HealthSettings,
  InferenceSettings,
  LogSettings,
  RegistrySettings,
  ReplicaSettings,
  ServerSettings,
  type Settings,
  UpstreamSettings,
  WakingSettings,
} from './settings.js';
import { BalancingSettings } from './balancing-settings.js';
import { JobSettings, WebhookSettings } from './job-settings.js';

/** Gives every module its own slice of the settings, already read and checked. */
@Global()
@Module({})
export class ConfigModule {
  static of(settings: Settings): DynamicModule {
    const slices = [
      { provide: AccessSettings, useValue: settings.access },
      { provide: BalancingSettings, useValue: settings.balancing },
      { provide: CredentialsSettings, useValue: settings.credentials },
      { provide: DatabaseSettings, useValue: settings.database },
      { provide: HealthSettings, useValue: settings.health },
      { provide: InferenceSettings, useValue: settings.inference },
      { provide: JobSettings, useValue: settings.jobs },
      { provide: LogSettings, useValue: settings.log },
      { provide: RegistrySettings, useValue: settings.registry },
      { provide: ReplicaSettings, useValue: settings.replicas },
      { provide: ServerSettings, useValue: settings.server },
      { provide: UpstreamSettings, useValue: settings.upstream },
      { provide: WakingSettings, useValue: settings.waking },
      { provide: WebhookSettings, useValue: settings.webhooks },
    ];
    return { module: ConfigModule, providers: slices, exports: slices.map((slice) => slice.provide) };
  }
}
