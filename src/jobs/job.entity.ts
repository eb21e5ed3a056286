import {
  Check,
  Column,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
} from 'typeorm';
import { WorkerEntity } from '../registry/worker.entity.js';
import type { Priority } from '../config/balancing-settings.js';
import type { JobErrorCode, JobInput, JobKind, JobState } from './job.js';

const ACTIVE = `state IN ('submitting', 'unknown', 'running', 'cancelling')`;

/** The table `job`: one piece of long work a row, with its lease. */
@Entity('job')
@Check('job_model_name_length', 'char_length(model_name) BETWEEN 1 AND 200')
@Check('job_kind_known', `kind IN ('image', 'video', 'audio', 'text')`)
@Check('job_mode_known', `mode IN ('poll', 'call')`)
@Check(
  'job_state_known',
  `state IN ('queued', 'submitting', 'unknown', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled')`,
)
@Check(
  'job_error_code_known',
  `error_code IN ('busy', 'submit_refused', 'submit_unknown', 'upstream_failed', 'upstream_lost', 'result_missing', 'result_unreachable', 'result_forbidden', 'timeout', 'misconfigured', 'cancelled', 'worker_deleted')`,
)
@Check('job_failed_with_code', `(state IN ('failed', 'cancelled')) = (error_code IS NOT NULL)`)
@Check('job_ended_with_state', `(state IN ('succeeded', 'failed', 'cancelled')) = (ended_at IS NOT NULL)`)
@Check('job_progress_range', 'progress BETWEEN 0 AND 100')
@Check('job_priority_known', `priority IN ('interactive', 'default', 'bulk')`)
@Check('job_tenant_length', 'char_length(tenant) <= 100')
@Check('job_counts', 'submits >= 0 AND looks >= 0 AND version > 0 AND input_bytes >= 0')
@Check('job_lease_whole', '(lease_owner IS NULL) = (lease_until IS NULL)')
@Check('job_idempotency_key_length', 'char_length(idempotency_key) BETWEEN 1 AND 255')
@Index('job_due', ['due_at'], { where: `state IN ('running', 'unknown', 'cancelling')` })
@Index('job_active_of_worker', ['worker_id'], { where: ACTIVE })
@Index('job_queued_3', ['model_name', 'owner_key', 'tenant', 'priority', 'created_at'], {
  where: `state = 'queued'`,
})
@Index('job_submitting', ['id'], { where: `state = 'submitting'` })
@Index('job_of_owner', ['owner_key', 'created_at', 'id'])
@Index('job_ended', ['ended_at'], { where: 'ended_at IS NOT NULL' })
@Index('job_idempotency', ['owner_key', 'idempotency_key'], {
  unique: true,
  where: 'idempotency_key IS NOT NULL',
})
export class JobEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'job_pkey' })
  id!: string;

  @Column('text')
  model_name!: string;

  @Column('uuid', { nullable: true })
  worker_id!: string | null;

  @ManyToOne(() => WorkerEntity, { onDelete: 'SET NULL' })
  @JoinColumn({ name: 'worker_id', foreignKeyConstraintName: 'job_of_worker' })
  worker?: WorkerEntity;

  @Column('text', { default: '' })
  owner_key!: string;

  @Column('text')
  kind!: JobKind;

  @Column('text', { default: 'poll' })
  mode!: 'poll' | 'call';

  @Column('text', { default: 'queued' })
  state!: JobState;

  @Column('timestamptz', { default: () => 'now()' })
  state_since!: Date;

  @Column('integer', { default: 1 })
  version!: number;

  @Column('text', { default: '' })
  upstream_word!: string;

  @Column('integer', { default: 0 })
  progress!: number;

  @Column('integer', { nullable: true })
  queue_position!: number | null;

  @Column('text', { default: '' })
  note!: string;

  @Column('text', { nullable: true })
  error_code!: JobErrorCode | null;

  @Column('text', { nullable: true })
  error!: string | null;

  @Column('json')
  request!: JobInput;

  @Column('bigint', { default: 0 })
  input_bytes!: string;

  @Column('json', { default: {} })
  kept!: Record<string, string | number>;

  @Column('json', { nullable: true })
  result!: unknown;

  @Column('integer', { default: 0 })
  submits!: number;

  @Column('integer', { default: 0 })
  looks!: number;

  @Column('uuid', { array: true, default: [] })
  unable!: string[];

  @Column('uuid', { array: true, default: [] })
  tried!: string[];

  @Column('timestamptz', { default: () => 'now()' })
  created_at!: Date;

  @Column('timestamptz')
  queue_until!: Date;

  @Column('timestamptz', { nullable: true })
  submitted_at!: Date | null;

  @Column('timestamptz', { nullable: true })
  deadline_at!: Date | null;

  @Column('timestamptz', { nullable: true })
  not_found_since!: Date | null;

  @Column('timestamptz', { nullable: true })
  done_at!: Date | null;

  @Column('timestamptz', { nullable: true })
  cancel_at!: Date | null;

  @Column('timestamptz', { nullable: true })
  ended_at!: Date | null;

  @Column('timestamptz', { nullable: true })
  expires_at!: Date | null;

  @Column('timestamptz', { nullable: true })
  removed_at!: Date | null;

  @Column('timestamptz', { default: () => 'now()' })
  due_at!: Date;

  @Column('uuid', { nullable: true })
  lease_owner!: string | null;

  @Column('timestamptz', { nullable: true })
  lease_until!: Date | null;

  @Column('integer', { default: 0 })
  fence!: number;

  @Column('boolean', { default: false })
  cancel_wanted!: boolean;

  @Column('text', { nullable: true })
  idempotency_key!: string | null;

  @Column('text', { nullable: true })
  request_hash!: string | null;

  @Column('text', { default: '' })
  request_id!: string;

  @Column('text', { nullable: true })
  webhook_url!: string | null;

  /** Its class. */
  @Column('text', { default: 'default' })
  priority!: Priority;

  /** The team that its key acted for; '': its own. */
  @Column('text', { default: '' })
  tenant!: string;
}

/** The table `job_event`: the history of jobs, written by a trigger. */
@Entity('job_event')
@Index('job_event_of_job', ['job_id', 'id'])
export class JobEventEntity {
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'job_event_pkey',
  })
  id!: string;

  @Column('timestamptz', { default: () => 'clock_timestamp()' })
  at!: Date;

  @Column('uuid')
  job_id!: string;

  @ManyToOne(() => JobEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'job_id', foreignKeyConstraintName: 'job_event_job' })
  job?: JobEntity;

  @Column('text')
  state!: string;

  @Column('text', { default: '' })
  note!: string;

  @Column('text')
  actor!: string;
}

/** The table `job_file`: input files and results, in parts. */
@Entity('job_file')
@Check('job_file_role_known', `role IN ('input', 'result')`)
@Check('job_file_numbers', 'number >= 0 AND copy >= 0 AND part >= 0')
export class JobFileEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'job_file_pkey' })
  job_id!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'job_file_pkey' })
  role!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'job_file_pkey' })
  number!: number;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'job_file_pkey' })
  copy!: number;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'job_file_pkey' })
  part!: number;

  @ManyToOne(() => JobEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'job_id', foreignKeyConstraintName: 'job_file_job' })
  job?: JobEntity;

  @Column('bytea')
  bytes!: Buffer;
}
