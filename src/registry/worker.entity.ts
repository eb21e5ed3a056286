import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type {
  AdminState,
  Health,
  HealthCheck,
  SuccessWhen,
  WorkerDefaults,
  WorkerProtocol,
  WorkerTask,
} from './worker.js';

/**
 * The table `worker`, as migrations/ makes it. What each column is for is said there in COMMENTs, for the DBA;
 * a test finds any difference between the two.
 */
@Entity('worker')
@Index('worker_natural_key', { synchronize: false })
export class WorkerEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'worker_pkey', default: () => 'gen_random_uuid()' })
  id!: string;

  @Column('text')
  model_name!: string;

  @Column('text', { default: '' })
  name!: string;

  @Column('text')
  req_url_template!: string;

  @Column('text', { default: '' })
  owner!: string;

  @Column('text', { default: 'template' })
  protocol!: WorkerProtocol;

  @Column('text', { default: 'chat' })
  task!: WorkerTask;

  @Column('text', { default: 'REMOTE' })
  worker_type!: 'REMOTE' | 'LOCAL';

  @Column('text', { default: 'POST' })
  req_type!: 'GET' | 'POST';

  @Column('json', { nullable: true })
  body!: unknown;

  @Column('text', { default: 'json' })
  body_format!: 'json' | 'form';

  @Column('json', { nullable: true })
  req_param!: Record<string, string | number | boolean> | null;

  @Column('json', { nullable: true })
  header!: Record<string, string> | null;

  @Column('text', { nullable: true })
  sealed_header!: string | null;

  @Column('text', { default: '' })
  response_extract!: string;

  @Column('json', { nullable: true })
  success_when!: SuccessWhen | null;

  @Column('boolean', { default: false })
  is_stream!: boolean;

  @Column('json', { nullable: true })
  defaults!: WorkerDefaults | null;

  @Column('integer', { default: 1 })
  weight!: number;

  @Column('integer', { default: 0 })
  priority!: number;

  @Column('integer', { default: 64 })
  max_concurrency!: number;

  @Column('json', { default: {} })
  labels!: Record<string, string>;

  @Column('integer', { nullable: true })
  connect_ms!: number | null;

  @Column('integer', { nullable: true })
  first_byte_ms!: number | null;

  @Column('integer', { nullable: true })
  idle_ms!: number | null;

  @Column('integer', { nullable: true })
  total_ms!: number | null;

  @Column('text', { default: 'abort' })
  on_disconnect!: 'abort' | 'finish';

  @Column('json', { nullable: true })
  health_check!: HealthCheck | null;

  @Column('text', { default: 'enabled' })
  admin_state!: AdminState;

  @Column('timestamptz', { default: () => 'now()' })
  admin_state_since!: Date;

  @Column('text', { default: '' })
  admin_state_by!: string;

  @Column('text', { default: 'unknown' })
  health!: Health;

  @Column('text', { default: 'not probed yet' })
  health_reason!: string;

  @Column('timestamptz', { default: () => 'now()' })
  health_since!: Date;

  @Column('integer', { default: 1 })
  generation!: number;

  @Column('timestamptz', { default: () => 'now()' })
  created_at!: Date;

  @Column('timestamptz', { default: () => 'now()' })
  updated_at!: Date;
}
