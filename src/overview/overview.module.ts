import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { BalancingModule } from '../balancing/balancing.module.js';
import { HealthModule } from '../health/health.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { ChangeFeed } from './change-feed.js';
import { ChangeStreams } from './change-streams.js';
import { OverviewReport } from './overview-report.js';
import { OverviewTable } from './overview-table.js';
import { OverviewController } from './overview.controller.js';
import { TrafficWriter } from './traffic-writer.js';
import { Traffic } from './traffic.js';

/** What goes on in all replicas: changes and figures. */
@Module({
  imports: [AccessModule, BalancingModule, HealthModule, RegistryModule],
  controllers: [OverviewController],
  providers: [ChangeFeed, ChangeStreams, OverviewReport, OverviewTable, Traffic, TrafficWriter],
})
export class OverviewModule {}
