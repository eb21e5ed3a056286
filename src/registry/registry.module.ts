import { Module } from '@nestjs/common';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { DefinitionCheck } from './registration/definition-check.js';
import { HeartbeatController } from './registration/heartbeat.controller.js';
import { HeartbeatService } from './registration/heartbeat.service.js';
import { LiveWorkers } from './live/live-workers.js';
import { ChangePlanner } from './management/change-planner.js';
import { SealedHeaders } from './sealed-headers.js';
import { WorkerDetails } from './management/worker-details.js';
import { WorkerQueries } from './worker-queries.js';
import { WorkerEdits } from './worker-writer.js';
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
import { OwnWrites } from './live/registry-sync.js';
import { PresetsController } from './presets/presets.controller.js';
import { ProbeHints } from './live/probe-hints.js';
import { RegistrationService } from './registration/registration.service.js';
import { Retention } from './retention.js';
import { NativeRegistryController } from './registration/native-registry.controller.js';
import { WorkerActivity } from './live/worker-activity.js';
import { WorkerCompiler } from './calls/worker-compiler.js';
import { WorkerList } from './worker-queries.js';
import { RegistrySync } from './live/registry-sync.js';
import { WorkerWriter } from './worker-writer.js';

@Module({
  imports: [CredentialsModule, UpstreamModule],
  controllers: [
    NativeRegistryController,
    HeartbeatController,
    ModelsController,
    PresetsController,
    WorkersController,
    WorkerSwitchesController,
  ],
  providers: [
    ChangePlanner,
    DefinitionCheck,
    SealedHeaders,
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
    WorkerQueries,
    WorkerEdits,
    WorkerList,
    WorkerLists,
    WorkerManagement,
    RegistrySync,
    WorkerWriter,
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
    WorkerQueries,
    RegistrySync,
  ],
})
export class RegistryModule {}
