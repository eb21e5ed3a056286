import {
  Check,
  Column,
  Entity,
  Index,
  JoinColumn,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
} from 'typeorm';
import { PRIORITIES, type Priority } from '../../config/balancing-settings.js';
import type { Role } from '../roles.js';

const LIMITS_POSITIVE =
  'requests_per_minute > 0 AND tokens_per_minute > 0 AND max_concurrent > 0 AND tokens_per_month > 0 AND cost_per_month > 0';

const CURRENCY = `cost_currency ~ '^[A-Z]{3}$'`;

const CLASSES = PRIORITIES.map((name) => `'${name}'`).join(', ');

/** The table `team`: what the keys of a team share. */
@Entity('team')
@Check('team_name_length', 'length(name) BETWEEN 1 AND 100')
@Check('team_labels_object', `jsonb_typeof(labels) = 'object'`)
@Check('team_limits_positive', LIMITS_POSITIVE)
@Check('team_cost_currency', CURRENCY)
@Check('team_max_priority_known', `max_priority IN (${CLASSES})`)
@Check('team_weight_range', 'weight BETWEEN 1 AND 1000')
export class TeamEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'team_pkey' })
  name!: string;

  @Column('jsonb', { default: {} })
  labels!: Record<string, string>;

  @Column('bigint', { nullable: true })
  requests_per_minute!: string | null;

  @Column('bigint', { nullable: true })
  tokens_per_minute!: string | null;

  @Column('integer', { nullable: true })
  max_concurrent!: number | null;

  @Column('bigint', { nullable: true })
  tokens_per_month!: string | null;

  @Column('numeric', { nullable: true })
  cost_per_month!: string | null;

  @Column('text', { nullable: true })
  cost_currency!: string | null;

  @Column('text', { default: 'interactive' })
  max_priority!: Priority;

  @Column('integer', { default: 1 })
  weight!: number;

  @Column('integer', { default: 1 })
  generation!: number;

  @Column('timestamptz', { default: () => 'now()' })
  created_at!: Date;

  @Column('timestamptz', { default: () => 'now()' })
  updated_at!: Date;

  @Column('text', { default: '' })
  updated_by!: string;
}

/** The table `api_key`: a key of a person or a program, which is stored as its SHA-256 only. */
@Entity('api_key')
@Check('api_key_name', `length(name) BETWEEN 1 AND 100 AND name <> 'root'`)
@Check('api_key_prefix_length', 'length(prefix) <= 12')
@Check('api_key_hash_length', 'octet_length(hash) = 32 AND octet_length(old_hash) = 32')
@Check('api_key_old_hash_ends', '(old_hash IS NULL) = (old_hash_until IS NULL)')
@Check('api_key_role_known', `role IN ('admin', 'operator', 'registrar', 'inference', 'viewer')`)
@Check('api_key_team_length', 'length(team) BETWEEN 1 AND 100')
@Check(
  'api_key_models_named',
  `array_position(models, NULL) IS NULL AND array_position(models, '') IS NULL AND coalesce(array_ndims(models), 1) = 1`,
)
@Check(
  'api_key_may_act_for_named',
  `array_position(may_act_for, NULL) IS NULL AND array_position(may_act_for, '') IS NULL AND coalesce(array_ndims(may_act_for), 1) = 1 AND cardinality(may_act_for) <= 100`,
)
@Check('api_key_labels_object', `jsonb_typeof(labels) = 'object'`)
@Check('api_key_limits_positive', LIMITS_POSITIVE)
@Check('api_key_cost_currency', CURRENCY)
@Check('api_key_priority_known', `priority IN (${CLASSES})`)
export class ApiKeyEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'api_key_pkey' })
  id!: string;

  @Index('api_key_name_free', { unique: true, where: 'revoked_at IS NULL' })
  @Column('text')
  name!: string;

  @Column('text', { default: '' })
  prefix!: string;

  @Index('api_key_hash', { unique: true })
  @Column('bytea')
  hash!: Buffer;

  @Column('bytea', { nullable: true })
  old_hash!: Buffer | null;

  @Column('timestamptz', { nullable: true })
  old_hash_until!: Date | null;

  @Column('text')
  role!: Role;

  @Column('text', { nullable: true })
  team!: string | null;

  @Column('text', { array: true, nullable: true })
  models!: string[] | null;

  @Column('jsonb', { default: {} })
  labels!: Record<string, string>;

  @Column('bigint', { nullable: true })
  requests_per_minute!: string | null;

  @Column('bigint', { nullable: true })
  tokens_per_minute!: string | null;

  @Column('integer', { nullable: true })
  max_concurrent!: number | null;

  @Column('bigint', { nullable: true })
  tokens_per_month!: string | null;

  @Column('numeric', { nullable: true })
  cost_per_month!: string | null;

  @Column('text', { nullable: true })
  cost_currency!: string | null;

  @Column('text', { nullable: true })
  priority!: Priority | null;

  @Column('text', { array: true, nullable: true })
  may_act_for!: string[] | null;

  @Column('timestamptz', { nullable: true })
  expires_at!: Date | null;

  @Column('timestamptz', { nullable: true })
  disabled_at!: Date | null;

  @Column('text', { nullable: true })
  disabled_reason!: string | null;

  @Column('timestamptz', { nullable: true })
  revoked_at!: Date | null;

  @Column('integer', { default: 1 })
  generation!: number;

  @Column('timestamptz', { default: () => 'now()' })
  created_at!: Date;

  @Column('text', { default: '' })
  created_by!: string;

  @Column('timestamptz', { default: () => 'now()' })
  updated_at!: Date;

  @Column('text', { default: '' })
  updated_by!: string;
}

/** The table `api_key_use`: apart from the key, so that a key that is only used does not change. */
@Entity('api_key_use')
export class ApiKeyUseEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'api_key_use_pkey' })
  key_id!: string;

  @OneToOne(() => ApiKeyEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'key_id', foreignKeyConstraintName: 'api_key_use_key' })
  key!: ApiKeyEntity;

  @Column('timestamptz')
  last_used_at!: Date;
}

/** The table `session_end`: sessions that began before have ended. */
@Entity('session_end')
export class SessionEndEntity {
  /** As the history or the provider names the user, or the name of a key; '': all. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'session_end_pkey', default: '' })
  user_name!: string;

  @Column('timestamptz', { default: () => 'now()' })
  ended_at!: Date;

  @Column('text', { default: '' })
  ended_by!: string;
}
