import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { UsageModule } from '../usage/usage.module.js';
import { FileFetcher } from './files/file-fetcher.js';
import { InputLinks } from './files/input-links.js';
import { HeldJobs } from './engine/held-jobs.js';
import { JobCalls } from './engine/job-calls.js';
import { JobClients } from './job-clients.js';
import { JobContents } from './files/job-contents.js';
import { JobEnds } from './engine/job-ends.js';
import { JobFiles } from './files/job-files.js';
import { JobInserts } from './job-inserts.js';
import { JobLeases } from './engine/job-leases.js';
import { JobLooks } from './engine/job-looks.js';
import { JobMetrics } from './job-metrics.js';
import { JobRecorder } from './engine/job-recorder.js';
import { JobRetention } from './job-retention.js';
import { JobRunner } from './engine/job-runner.js';
import { JobStarts } from './engine/job-starts.js';
import { JobSubmits } from './engine/job-submits.js';
import { JobTable } from './job-table.js';
import { JobWorkers } from './engine/job-workers.js';
import { Jobs } from './jobs.service.js';
import { LookPauses } from './engine/look-limits.js';
import { OneCalls } from './one-call.js';
import { ResultFetcher } from './files/result-fetcher.js';
import { QueuedStarts } from './engine/queued-starts.js';
import { WorkerRecords } from './engine/worker-records.js';
import { Waiting } from './waiting.js';
import { LinkKey } from './links/link-key.js';
import { WebhookSender } from './webhooks/webhook-sender.js';
import { WebhookTable } from './webhooks/webhook-table.js';

/** Long work: jobs in the database under leases, and the loop that runs them. */
@Module({
  imports: [RegistryModule, ReplicasModule, TelemetryModule, UpstreamModule, UsageModule],
  providers: [
    FileFetcher,
    InputLinks,
    HeldJobs,
    JobCalls,
    JobClients,
    JobContents,
    JobEnds,
    JobFiles,
    JobInserts,
    JobLeases,
    JobLooks,
    JobMetrics,
    JobRecorder,
    JobRetention,
    JobRunner,
    Jobs,
    JobStarts,
    JobSubmits,
    JobTable,
    JobWorkers,
    LinkKey,
    LookPauses,
    OneCalls,
    QueuedStarts,
    ResultFetcher,
    WorkerRecords,
    Waiting,
    WebhookSender,
    WebhookTable,
  ],
  exports: [JobClients, Jobs, LinkKey, OneCalls],
})
export class JobsModule {}
