import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { ChangeFeed } from './change-feed.js';
import { ChangeStreams } from './change-streams.js';
import { OverviewController } from './overview.controller.js';

/** What goes on in all replicas: changes and figures. */
@Module({
  imports: [AccessModule, RegistryModule],
  controllers: [OverviewController],
  providers: [ChangeFeed, ChangeStreams],
})
export class OverviewModule {}
