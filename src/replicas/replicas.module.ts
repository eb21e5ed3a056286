import { Module } from '@nestjs/common';
import { RegistryModule } from '../registry/registry.module.js';
import { Draining } from './draining.js';
import { ReplicaHeartbeat } from './replica-heartbeat.js';
import { ReplicaTable } from './replica-table.js';
import { Replicas } from './replicas.js';
import { SlotExchange } from './slots/slot-exchange.js';
import { SlotLeases } from './slots/slot-leases.js';
import { SlotTable } from './slots/slot-table.js';

/** What the running copies of the service agree on, through the database alone. */
@Module({
  imports: [RegistryModule],
  providers: [Draining, ReplicaHeartbeat, Replicas, ReplicaTable, SlotExchange, SlotLeases, SlotTable],
  exports: [Replicas, SlotLeases],
})
export class ReplicasModule {}
