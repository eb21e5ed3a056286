import { Check, Column, Entity, JoinColumn, OneToOne, PrimaryColumn } from 'typeorm';
import { WorkerEntity } from './worker.entity.js';

/** The table `worker_probe`: when each worker is probed, and what its last probe found. */
@Entity('worker_probe')
@Check('worker_probe_lease_whole', '(lease_owner IS NULL) = (lease_until IS NULL)')
@Check('worker_probe_counts', 'failures_in_row >= 0 AND successes_in_row >= 0')
export class WorkerProbeEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'worker_probe_pkey' })
  worker_id!: string;

  @OneToOne(() => WorkerEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'worker_id', foreignKeyConstraintName: 'worker_probe_worker' })
  worker?: WorkerEntity;

  @Column('integer', { default: 1 })
  generation!: number;

  @Column('timestamptz', { default: () => 'now()' })
  next_probe_at!: Date;

  @Column('text', { nullable: true })
  lease_owner!: string | null;

  @Column('timestamptz', { nullable: true })
  lease_until!: Date | null;

  @Column('timestamptz', { nullable: true })
  last_probe_at!: Date | null;

  @Column('boolean', { nullable: true })
  last_ok!: boolean | null;

  @Column('text', { default: '' })
  last_detail!: string;

  @Column('integer', { nullable: true })
  last_ms!: number | null;

  @Column('integer', { default: 0 })
  failures_in_row!: number;

  @Column('integer', { default: 0 })
  successes_in_row!: number;

  @Column('timestamptz', { nullable: true })
  heartbeat_at!: Date | null;

  @Column('timestamptz', { default: () => 'now()' })
  last_good_at!: Date;

  @Column('timestamptz', { nullable: true })
  last_served_at!: Date | null;

  @Column('timestamptz', { nullable: true })
  failing_since!: Date | null;

  @Column('integer', { default: 0 })
  unreachable_in_row!: number;
}
