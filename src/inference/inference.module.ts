import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { BalancingModule } from '../balancing/balancing.module.js';
import { MessagesController } from './apis/anthropic/messages.controller.js';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { UsageModule } from '../usage/usage.module.js';
import { DryRunController } from './dry-run/dry-run.controller.js';
import { DryRunService } from './dry-run/dry-run.service.js';
import { DryPoll } from './dry-run/dry-poll.js';
import { EchoController } from './apis/native/echo.controller.js';
import { InferenceService } from './inference.service.js';
import { OpenAiController } from './apis/openai/openai.controller.js';
import { ResponsesController } from './apis/responses/responses.controller.js';
import { InferenceRequests } from './client/inference-request.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { FileResponses } from './apis/jobs/file-responses.js';
import { HangUps } from './apis/jobs/hang-ups.js';
import { JobFilesController, JobsController } from './apis/jobs/jobs.controller.js';
import { JobFront } from './apis/jobs/job-front.js';
import { JobResults } from './apis/jobs/job-results.js';
import { LongWork } from './apis/jobs/long-work.js';
import { VideoRequests } from './apis/videos/video-requests.js';
import { VideosController } from './apis/videos/videos.controller.js';
import { JobEvents } from './apis/jobs/job-events.js';
import { JobRequests } from './apis/jobs/job-requests.js';
import { JobStarter } from './apis/jobs/job-starter.js';
import { OwnJobs } from './apis/jobs/own-jobs.js';
import { OneCallService } from './one-call/one-call.service.js';
import { ExplainController } from './explain/explain.controller.js';
import { ExplainService } from './explain/explain.service.js';
import { NativeController } from './apis/native/native.controller.js';

@Module({
  imports: [
    AccessModule,
    BalancingModule,
    CredentialsModule,
    JobsModule,
    RegistryModule,
    TelemetryModule,
    UpstreamModule,
    UsageModule,
  ],
  controllers: [
    NativeController,
    OpenAiController,
    ResponsesController,
    MessagesController,
    DryRunController,
    ExplainController,
    EchoController,
    JobFilesController,
    JobsController,
    VideosController,
  ],
  providers: [
    DryRunService,
    DryPoll,
    ExplainService,
    InferenceService,
    InferenceRequests,
    FileResponses,
    HangUps,
    JobEvents,
    JobFront,
    JobResults,
    LongWork,
    VideoRequests,
    JobRequests,
    JobStarter,
    OneCallService,
    OwnJobs,
  ],
})
export class InferenceModule {}
