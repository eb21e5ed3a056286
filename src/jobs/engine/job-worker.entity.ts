import { Check, Column, Entity, JoinColumn, OneToOne, PrimaryColumn } from 'typeorm';
import { WorkerEntity } from '../../registry/worker.entity.js';

/** The table `job_worker`: what jobs have shown of a worker. */
@Entity('job_worker')
@Check('job_worker_counts', 'busy_in_row >= 0 AND faults_in_row >= 0 AND failures_in_row >= 0')
export class JobWorkerEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'job_worker_pkey' })
  worker_id!: string;

  @OneToOne(() => WorkerEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'worker_id', foreignKeyConstraintName: 'job_worker_worker' })
  worker?: WorkerEntity;

  @Column('integer', { default: 0 })
  busy_in_row!: number;

  @Column('integer', { default: 0 })
  faults_in_row!: number;

  @Column('integer', { default: 0 })
  failures_in_row!: number;

  @Column('timestamptz', { nullable: true })
  paused_until!: Date | null;

  @Column('text', { default: '' })
  pause_reason!: string;

  @Column('text', { default: '' })
  last_failure!: string;

  @Column('timestamptz', { nullable: true })
  last_failure_at!: Date | null;
}
