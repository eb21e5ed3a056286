import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { TeamMetrics } from './team-metrics.js';
import { UsageRecorder } from './usage-recorder.js';
import { UsageController } from './usage.controller.js';
import { UsageReport } from './usage-report.js';
import { UsageTable } from './usage-table.js';
import { UsageWriter } from './usage-writer.js';

/** What requests use: sums, cost, reports. */
@Module({
  imports: [AccessModule, RegistryModule, TelemetryModule, UpstreamModule],
  controllers: [UsageController],
  providers: [TeamMetrics, UsageReport, UsageRecorder, UsageTable, UsageWriter],
  exports: [UsageRecorder],
})
export class UsageModule {}
