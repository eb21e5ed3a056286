import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.js';
import { JobTable } from './job-table.js';
import { Jobs } from './jobs.service.js';
import { OneCalls } from './one-call.js';
import { Waiting } from './waiting.js';
import { LinkKey } from './links/link-key.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { WebhookSender } from './webhooks/webhook-sender.js';
import { WebhookTable } from './webhooks/webhook-table.js';

/** Long work: jobs in the database under leases, and the loop that runs them. */
@Module({
  imports: [RegistryModule, UpstreamModule],
  providers: [Jobs, JobTable, LinkKey, OneCalls, Waiting, WebhookSender, WebhookTable],
  exports: [Jobs, LinkKey, OneCalls],
})
export class JobsModule {}
