import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { WorkerEntity } from '../../registry/worker.entity.js';
import { ReplicaEntity } from '../replica.entity.js';

/** The table `worker_slot`: which replica may use a slot of a worker that has fewer slots than there are replicas. */
@Entity('worker_slot')
@Check('worker_slot_number', 'slot >= 0')
export class WorkerSlotEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'worker_slot_pkey' })
  worker_id!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'worker_slot_pkey' })
  slot!: number;

  @ManyToOne(() => WorkerEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'worker_id', foreignKeyConstraintName: 'worker_slot_worker' })
  worker?: WorkerEntity;

  @Index('worker_slot_of_replica')
  @Column('uuid')
  replica_id!: string;

  @ManyToOne(() => ReplicaEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'replica_id', foreignKeyConstraintName: 'worker_slot_replica' })
  replica?: ReplicaEntity;

  @Column('timestamptz')
  lease_until!: Date;
}

/** The table `worker_slot_wish`: which replicas have requests waiting for a slot. */
@Entity('worker_slot_wish')
export class WorkerSlotRequestEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'worker_slot_wish_pkey' })
  worker_id!: string;

  @Index('worker_slot_wish_of_replica')
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'worker_slot_wish_pkey' })
  replica_id!: string;

  @ManyToOne(() => WorkerEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'worker_id', foreignKeyConstraintName: 'worker_slot_wish_worker' })
  worker?: WorkerEntity;

  @ManyToOne(() => ReplicaEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'replica_id', foreignKeyConstraintName: 'worker_slot_wish_replica' })
  replica?: ReplicaEntity;

  @Column('timestamptz')
  wished_until!: Date;
}

/** The table `replica_demand`: what a replica needs and holds of a model whose slots move between replicas. */
@Entity('replica_demand')
export class ReplicaDemandEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'replica_demand_pkey' })
  model_name!: string;

  @Index('replica_demand_of_replica')
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'replica_demand_pkey' })
  replica_id!: string;

  @ManyToOne(() => ReplicaEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'replica_id', foreignKeyConstraintName: 'replica_demand_replica' })
  replica?: ReplicaEntity;

  @Column('timestamptz', { default: () => 'now()' })
  seen_at!: Date;

  @Column('jsonb')
  demand!: object;

  @Column('jsonb')
  held!: object;
}
