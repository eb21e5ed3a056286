import { Module } from '@nestjs/common';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { LiveWorkers } from './live-workers.js';
import { ModelLookup } from './model-lookup.js';
import { ModelPolicies } from './models/model-policies.js';
import { ModelService } from './models/model.service.js';
import { ModelsController } from './models/models.controller.js';
import { ModelRepository } from './models/model.repository.js';
import { OwnAddress } from './own-address.js';
import { ProbeHints } from './probe-hints.js';
import { RegistrationService } from './registration.service.js';
import { Retention } from './retention.js';
import { ServerController } from './server.controller.js';
import { WorkerActivity } from './worker-activity.js';
import { WorkerCompiler } from './worker-compiler.js';
import { WorkerList } from './worker-list.js';
import { WorkerRefresher } from './worker-refresher.js';
import { WorkerRepository } from './worker.repository.js';

@Module({
  imports: [CredentialsModule, UpstreamModule],
  controllers: [ServerController, ModelsController],
  providers: [
    LiveWorkers,
    ModelLookup,
    ModelPolicies,
    ModelRepository,
    ModelService,
    OwnAddress,
    ProbeHints,
    RegistrationService,
    Retention,
    WorkerActivity,
    WorkerCompiler,
    WorkerList,
    WorkerRefresher,
    WorkerRepository,
  ],
  exports: [LiveWorkers, ModelLookup, ModelPolicies, OwnAddress, ProbeHints, WorkerActivity, WorkerRefresher],
})
export class RegistryModule {}
