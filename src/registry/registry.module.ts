import { Module } from '@nestjs/common';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { DefinitionCheck } from './registration/definition-check.js';
import { HeartbeatController } from './heartbeat/heartbeat.controller.js';
import { HeartbeatService } from './heartbeat/heartbeat.service.js';
import { LiveWorkers } from './live/live-workers.js';
import { ChangePlanner } from './management/change-planner.js';
import { HeaderStore } from './management/stored-headers.js';
import { WorkerDetails } from './management/worker-details.js';
import { WorkerDirectory } from './management/worker-directory.js';
import { WorkerEdits } from './management/worker-edits.js';
import { WorkerLists } from './management/worker-lists.js';
import { WorkerManagement } from './management/worker-management.js';
import { WorkersController } from './management/workers.controller.js';
import { WorkerSwitchesController } from './management/worker-switches.controller.js';
import { ModelLookup } from './live/model-lookup.js';
import { ModelPolicies } from './models/model-policies.js';
import { ModelService } from './models/model.service.js';
import { ModelsController } from './models/models.controller.js';
import { ModelRepository } from './models/model.repository.js';
import { OwnAddress } from './registration/own-address.js';
import { OwnWrites } from './live/own-writes.js';
import { PresetsController } from './presets/presets.controller.js';
import { ProbeHints } from './live/probe-hints.js';
import { RegistrationService } from './registration/registration.service.js';
import { Retention } from './retention.js';
import { ServerController } from './registration/server.controller.js';
import { WorkerActivity } from './live/worker-activity.js';
import { WorkerCompiler } from './calls/worker-compiler.js';
import { WorkerList } from './registration/worker-list.js';
import { WorkerRefresher } from './live/worker-refresher.js';
import { WorkerRepository } from './worker.repository.js';

@Module({
  imports: [CredentialsModule, UpstreamModule],
  controllers: [
    ServerController,
    HeartbeatController,
    ModelsController,
    PresetsController,
    WorkersController,
    WorkerSwitchesController,
  ],
  providers: [
    ChangePlanner,
    DefinitionCheck,
    HeaderStore,
    HeartbeatService,
    LiveWorkers,
    ModelLookup,
    ModelPolicies,
    ModelRepository,
    ModelService,
    OwnAddress,
    OwnWrites,
    ProbeHints,
    RegistrationService,
    Retention,
    WorkerActivity,
    WorkerCompiler,
    WorkerDetails,
    WorkerDirectory,
    WorkerEdits,
    WorkerList,
    WorkerLists,
    WorkerManagement,
    WorkerRefresher,
    WorkerRepository,
  ],
  exports: [
    DefinitionCheck,
    LiveWorkers,
    ModelLookup,
    ModelPolicies,
    OwnAddress,
    ProbeHints,
    WorkerActivity,
    WorkerCompiler,
    WorkerDetails,
    WorkerDirectory,
    WorkerRefresher,
  ],
})
export class RegistryModule {}
