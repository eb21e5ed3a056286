import { Check, Column, Entity, JoinColumn, OneToOne, PrimaryColumn } from 'typeorm';
import { WorkerEntity } from '../worker.entity.js';
import type { PowerState } from './power.js';

/** The table `worker_power`: whether workers with `wake` are awake, and which replica wakes them or sends them to sleep. */
@Entity('worker_power')
@Check('worker_power_state_known', `state IN ('awake', 'asleep', 'waking')`)
@Check('worker_power_lease_whole', '(lease_owner IS NULL) = (lease_until IS NULL)')
@Check('worker_power_failures', 'failures >= 0')
@Check('worker_power_sleep_failures', 'sleep_failures >= 0')
@Check('worker_power_usual_wake', 'usual_wake_ms BETWEEN 1 AND 3600000')
export class WorkerPowerEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'worker_power_pkey' })
  worker_id!: string;

  @OneToOne(() => WorkerEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'worker_id', foreignKeyConstraintName: 'worker_power_worker' })
  worker?: WorkerEntity;

  @Column('text', { default: 'awake' })
  state!: PowerState;

  @Column('timestamptz', { default: () => 'now()' })
  since!: Date;

  @Column('text', { default: '' })
  reason!: string;

  @Column('text', { nullable: true })
  lease_owner!: string | null;

  @Column('timestamptz', { nullable: true })
  lease_until!: Date | null;

  @Column('timestamptz', { default: () => 'now()' })
  next_wake_at!: Date;

  @Column('integer', { default: 0 })
  failures!: number;

  @Column('integer', { nullable: true })
  usual_wake_ms!: number | null;

  @Column('timestamptz', { default: () => 'now()' })
  last_used_at!: Date;

  @Column('timestamptz', { default: () => 'now()' })
  next_sleep_at!: Date;

  @Column('integer', { default: 0 })
  sleep_failures!: number;
}
