import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { SleepLeases } from './sleep-leases.js';
import { Sleeper } from './sleeper.js';
import { WakeLeases } from './wake-leases.js';
import { Waker } from './waker.js';

/** Wakes workers that sleep while requests wait for them, and sends them to sleep when none come. */
@Module({
  imports: [RegistryModule, TelemetryModule, UpstreamModule],
  providers: [SleepLeases, Sleeper, WakeLeases, Waker],
})
export class WakingModule {}
