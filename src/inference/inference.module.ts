import { Module } from '@nestjs/common';
import { BalancingModule } from '../balancing/balancing.module.js';
import { MessagesController } from './apis/anthropic/messages.controller.js';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { DryRunController } from './dry-run/dry-run.controller.js';
import { DryRunService } from './dry-run/dry-run.service.js';
import { EchoController } from './apis/native/echo.controller.js';
import { InferenceService } from './inference.service.js';
import { OpenAiController } from './apis/openai/openai.controller.js';
import { InferenceRequests } from './client/inference-request.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { JobEvents } from './apis/jobs/job-events.js';
import { JobRequests } from './apis/jobs/job-requests.js';
import { JobStarter } from './apis/jobs/job-starter.js';
import { JobsController } from './apis/jobs/jobs.controller.js';
import { OwnJobs } from './apis/jobs/own-jobs.js';
import { OneCallService } from './one-call/one-call.service.js';
import { NativeController } from './apis/native/native.controller.js';

@Module({
  imports: [BalancingModule, CredentialsModule, JobsModule, RegistryModule, UpstreamModule],
  controllers: [
    NativeController,
    OpenAiController,
    MessagesController,
    DryRunController,
    EchoController,
    JobsController,
  ],
  providers: [
    DryRunService,
    InferenceService,
    InferenceRequests,
    JobEvents,
    JobRequests,
    JobStarter,
    OneCallService,
    OwnJobs,
  ],
})
export class InferenceModule {}
