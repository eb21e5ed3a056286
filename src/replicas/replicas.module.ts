import { Module } from '@nestjs/common';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { Draining } from './draining.js';
import { Joining } from './joining.js';
import { KeyRotation } from './key-rotation.js';
import { ReplicaHeartbeat } from './replica-heartbeat.js';
import { ReplicaTable } from './replica-table.js';
import { Replicas } from './replicas.js';
import { SettingsDrift } from './settings-drift.js';
import { DemandTable } from './slots/demand-table.js';
import { SharedSlots } from './slots/shared-slots.js';
import { SlotExchange } from './slots/slot-exchange.js';
import { SlotLeases } from './slots/slot-leases.js';
import { SlotTable } from './slots/slot-table.js';

/** What the running copies of the service agree on, through the database alone. */
@Module({
  imports: [CredentialsModule, RegistryModule],
  providers: [
    DemandTable,
    Draining,
    Joining,
    KeyRotation,
    ReplicaHeartbeat,
    Replicas,
    ReplicaTable,
    SettingsDrift,
    SharedSlots,
    SlotExchange,
    SlotLeases,
    SlotTable,
  ],
  exports: [ReplicaHeartbeat, Replicas, SettingsDrift, SharedSlots, SlotLeases],
})
export class ReplicasModule {}
