import { Module } from '@nestjs/common';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { WorkerCompiler } from './calls/worker-compiler.js';
import { EventHistory } from './history/event-history.js';
import { EventsController } from './history/events.controller.js';
import { ClearHeaderSealer } from './live/clear-header-sealer.js';
import { LiveWorkers } from './live/live-workers.js';
import { ModelLookup } from './live/model-lookup.js';
import { ProbeHints } from './live/probe-hints.js';
import { RegistrySync } from './live/registry-sync.js';
import { TrafficTable } from './live/traffic-table.js';
import { TroubleTable } from './live/trouble-table.js';
import { WorkerActivity } from './live/worker-activity.js';
import { WorkerObjects } from './live/worker-objects.js';
import { ChangePlanner } from './management/change-planner.js';
import { WorkerManagement } from './management/worker-management.js';
import { WorkerSwitchesController } from './management/worker-switches.controller.js';
import { WorkersController } from './management/workers.controller.js';
import { ModelPolicies } from './models/model-policies.js';
import { ModelRepository } from './models/model.repository.js';
import { ModelService } from './models/model.service.js';
import { ModelViews } from './models/model-view.js';
import { ModelsController } from './models/models.controller.js';
import { PowerNotes } from './power/power-notes.js';
import { PresetsController } from './presets/presets.controller.js';
import { DefinitionCheck } from './registration/definition-check.js';
import { HeartbeatService } from './registration/heartbeat.service.js';
import { NativeRegistryController } from './registration/native-registry.controller.js';
import { OwnAddress } from './registration/own-address.js';
import { RegistrationService } from './registration/registration.service.js';
import { Retention } from './retention.js';
import { SealedHeaders } from './sealed-headers.js';
import { WorkerFigures } from './figures/worker-figures.js';
import { WorkerQueries } from './worker-queries.js';
import { WorkerViews } from './worker-view.js';
import { WorkerWriter } from './worker-writer.js';

@Module({
  imports: [CredentialsModule, UpstreamModule],
  controllers: [
    EventsController,
    NativeRegistryController,
    ModelsController,
    PresetsController,
    WorkersController,
    WorkerSwitchesController,
  ],
  providers: [
    ChangePlanner,
    ClearHeaderSealer,
    DefinitionCheck,
    EventHistory,
    HeartbeatService,
    LiveWorkers,
    ModelLookup,
    ModelPolicies,
    ModelRepository,
    ModelService,
    ModelViews,
    OwnAddress,
    PowerNotes,
    ProbeHints,
    RegistrationService,
    RegistrySync,
    Retention,
    SealedHeaders,
    TrafficTable,
    TroubleTable,
    WorkerActivity,
    WorkerCompiler,
    WorkerFigures,
    WorkerManagement,
    WorkerObjects,
    WorkerQueries,
    WorkerViews,
    WorkerWriter,
  ],
  exports: [
    ClearHeaderSealer,
    DefinitionCheck,
    LiveWorkers,
    ModelLookup,
    ModelPolicies,
    OwnAddress,
    PowerNotes,
    ProbeHints,
    RegistrySync,
    TrafficTable,
    TroubleTable,
    WorkerActivity,
    WorkerCompiler,
    WorkerManagement,
    WorkerObjects,
    WorkerQueries,
    WorkerViews,
  ],
})
export class RegistryModule {}
