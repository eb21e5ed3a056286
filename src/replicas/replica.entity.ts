import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { WorkerEntity } from '../registry/worker.entity.js';

/** Requests that run on a draining replica: worker id → count. */
export type Running = Readonly<Record<string, number>>;

/** Hashes of settings: see SettingsDrift. */
type SharedSettings = Readonly<Record<string, string>>;

/** The table `replica`: the running copies of the service. */
@Entity('replica')
export class ReplicaEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'replica_pkey' })
  id!: string;

  @Column('text')
  host!: string;

  @Column('timestamptz', { default: () => 'now()' })
  started_at!: Date;

  @Column('timestamptz', { default: () => 'now()' })
  seen_at!: Date;

  @Column('json', { default: {} })
  drained!: Record<string, number>;

  @Column('text', { default: '' })
  version!: string;

  @Column('json', { nullable: true })
  settings!: SharedSettings | null;

  @Column('json', { nullable: true })
  draining!: Running | null;

  @Column('jsonb', { default: {} })
  load!: object;

  @Column('uuid', { array: true, nullable: true })
  knows!: string[] | null;

  @Column('boolean', { nullable: true })
  settled!: boolean | null;
}

/** The table `replica_minute`: what a replica served in a minute. */
@Entity('replica_minute')
export class ReplicaMinuteEntity {
  @PrimaryColumn('timestamptz', { primaryKeyConstraintName: 'replica_minute_pkey' })
  minute!: Date;

  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'replica_minute_pkey' })
  replica_id!: string;

  @Column('integer')
  requests!: number;

  @Column('integer')
  failed!: number;

  @Column('integer')
  saved_by_retry!: number;

  @Column('integer', { array: true })
  first_tokens!: number[];

  @Column('real')
  running!: number;

  @Column('real')
  waiting!: number;
}

/** The table `worker_traffic`: what a worker served for a replica in five minutes. */
@Entity('worker_traffic')
@Index('worker_traffic_model', ['model_name', 'at'])
export class WorkerTrafficEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'worker_traffic_pkey' })
  worker_id!: string;

  @PrimaryColumn('timestamptz', { primaryKeyConstraintName: 'worker_traffic_pkey' })
  at!: Date;

  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'worker_traffic_pkey' })
  replica_id!: string;

  @Column('text')
  model_name!: string;

  @Column('integer')
  requests!: number;

  @Column('integer')
  failed!: number;

  @Column('integer', { array: true, nullable: true })
  first_tokens!: number[] | null;
}

/** The table `model_traffic`: the sums of `worker_traffic` by model. */
@Entity('model_traffic')
export class ModelTrafficEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'model_traffic_pkey' })
  model_name!: string;

  @PrimaryColumn('timestamptz', { primaryKeyConstraintName: 'model_traffic_pkey' })
  at!: Date;

  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'model_traffic_pkey' })
  replica_id!: string;

  @Column('integer')
  requests!: number;
}

/** The table `replica_fault`: workers that a replica cannot call because of its own settings. */
@Entity('replica_fault')
export class ReplicaFaultEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'replica_fault_pkey' })
  worker_id!: string;

  @Index('replica_fault_of_replica')
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'replica_fault_pkey' })
  replica_id!: string;

  @ManyToOne(() => WorkerEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'worker_id', foreignKeyConstraintName: 'replica_fault_worker' })
  worker?: WorkerEntity;

  @ManyToOne(() => ReplicaEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'replica_id', foreignKeyConstraintName: 'replica_fault_replica' })
  replica?: ReplicaEntity;

  @Column('integer')
  generation!: number;

  @Column('text')
  reason!: string;

  @Column('timestamptz', { default: () => 'now()' })
  since!: Date;
}

/** The table `worker_trouble`: what the requests of a replica show of a worker. */
@Entity('worker_trouble')
@Check('worker_trouble_state_known', `state IN ('ejected', 'failing')`)
export class WorkerTroubleEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'worker_trouble_pkey' })
  worker_id!: string;

  @Index('worker_trouble_of_replica')
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'worker_trouble_pkey' })
  replica_id!: string;

  @ManyToOne(() => WorkerEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'worker_id', foreignKeyConstraintName: 'worker_trouble_worker' })
  worker?: WorkerEntity;

  @ManyToOne(() => ReplicaEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'replica_id', foreignKeyConstraintName: 'worker_trouble_replica' })
  replica?: ReplicaEntity;

  @Column('integer')
  generation!: number;

  @Column('text')
  state!: string;

  @Column('text', { default: '' })
  cause!: string;

  @Column('timestamptz')
  since!: Date;

  @Column('timestamptz', { nullable: true })
  until!: Date | null;

  @Column('integer', { default: 0 })
  failures!: number;

  @Column('text', { default: '' })
  last_error!: string;

  @Column('timestamptz', { nullable: true })
  last_error_at!: Date | null;
}
