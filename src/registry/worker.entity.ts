import { Check, Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import type { ChoicesSpec } from '../template/choices.js';
import type { StreamExtractSpec } from '../template/stream-extract.js';
import type { UsageSpec } from '../template/usage-extract.js';
import type { PollSpec } from './poll.dto.js';
import type { PowerLookSpec, SleepSpec, WakeSpec } from './power/power.dto.js';
import type { WorkerProfileDto } from './profiles/profile.dto.js';
import {
  type AdminState,
  type Health,
  type HealthCheck,
  type SuccessWhen,
  type WorkerDefaults,
  type WorkerProtocol,
  type WorkerTask,
  PROTOCOLS,
  TASKS,
} from './worker.js';

const inSql = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');

/**
 * The table `worker`, as migrations/ make it. Their COMMENTs say what each column is for; a test finds any difference
 * between the two.
 */
@Entity('worker')
@Check('worker_model_name_length', 'char_length(model_name) BETWEEN 1 AND 200')
@Check('worker_name_length', 'char_length(name) <= 200')
@Check('worker_owner_length', 'char_length(owner) <= 200')
@Check('worker_url_http', `req_url_template ~ '^https?://' AND char_length(req_url_template) <= 2048`)
@Check('worker_protocol_known', `protocol IN (${inSql(PROTOCOLS)})`)
@Check('worker_task_known', `task IN (${inSql(TASKS)})`)
@Check('worker_type_known', `worker_type IN ('REMOTE', 'LOCAL')`)
@Check('worker_req_type_known', `req_type IN ('GET', 'POST')`)
@Check('worker_body_format_known_2', `body_format IN ('json', 'form', 'multipart')`)
@Check('worker_extract_length', 'char_length(response_extract) <= 500')
@Check('worker_profile_object', `jsonb_typeof(profile) = 'object'`)
@Check('worker_upstream_model_length', 'char_length(upstream_model) BETWEEN 1 AND 200')
@Check('worker_weight_range', 'weight BETWEEN 1 AND 1000')
@Check('worker_priority_range', 'priority BETWEEN 0 AND 1000')
@Check('worker_max_concurrency_range', 'max_concurrency BETWEEN 1 AND 100000')
@Check('worker_timeouts_positive', 'connect_ms > 0 AND first_byte_ms > 0 AND idle_ms > 0 AND total_ms > 0')
@Check('worker_on_disconnect_known', `on_disconnect IN ('abort', 'finish')`)
@Check('worker_admin_state_known', `admin_state IN ('enabled', 'disabled', 'draining', 'offline')`)
@Check('worker_health_known', `health IN ('unknown', 'healthy', 'suspect', 'unhealthy', 'warming')`)
@Check('worker_heartbeat_ttl_range', 'heartbeat_ttl_s BETWEEN 1 AND 86400')
@Check('worker_sleep_needs_wake', 'wake IS NOT NULL OR sleep IS NULL AND asleep_when IS NULL')
@Check('worker_generation_positive', 'generation > 0')
@Index('worker_natural_key', { synchronize: false })
@Index('worker_created', ['created_at', 'id'])
export class WorkerEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'worker_pkey' })
  id!: string;

  @Column('text')
  model_name!: string;

  @Column('text', { default: '' })
  name!: string;

  @Column('text')
  req_url_template!: string;

  @Column('text', { default: '' })
  owner!: string;

  @Column('uuid', { nullable: true })
  registered_by_key!: string | null;

  @Column('text', { nullable: true })
  registered_by_team!: string | null;

  @Column('text', { default: 'template' })
  protocol!: WorkerProtocol;

  @Column('text', { default: 'chat' })
  task!: WorkerTask;

  /** `task` has no meaning then. */
  @Column('boolean', { default: false })
  any_task!: boolean;

  @Column('text', { default: 'REMOTE' })
  worker_type!: 'REMOTE' | 'LOCAL';

  @Column('text', { default: 'POST' })
  req_type!: 'GET' | 'POST';

  @Column('json', { nullable: true })
  body!: Record<string, unknown> | null;

  @Column('text', { default: 'json' })
  body_format!: 'json' | 'form' | 'multipart';

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

  @Column('integer', { nullable: true })
  heartbeat_ttl_s!: number | null;

  @Column('text', { nullable: true })
  upstream_model!: string | null;

  @Column('json', { nullable: true })
  stream_extract!: StreamExtractSpec | null;

  @Column('json', { nullable: true })
  usage_extract!: UsageSpec | null;

  @Column('json', { nullable: true })
  poll!: PollSpec | null;

  @Column('json', { nullable: true })
  choices!: ChoicesSpec | null;

  @Column('jsonb', { nullable: true })
  profile!: WorkerProfileDto | null;

  @Column('json', { nullable: true })
  wake!: WakeSpec | null;

  @Column('json', { nullable: true })
  sleep!: SleepSpec | null;

  @Column('json', { nullable: true })
  asleep_when!: PowerLookSpec | null;

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
