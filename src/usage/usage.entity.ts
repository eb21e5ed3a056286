import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A new one for each column: TypeORM changes it. */
const pkey = () => ({ primaryKeyConstraintName: 'usage_hourly_pkey' });

/** The table `usage_hourly`: what requests used. bigint and numeric come as text. */
@Entity('usage_hourly')
@Index('usage_hourly_key', ['key_id', 'hour'])
@Index('usage_hourly_team', ['team', 'hour'])
@Check('usage_hourly_cost', `(cost IS NULL) = (currency = '')`)
export class UsageHourlyEntity {
  @PrimaryColumn('timestamptz', pkey())
  hour!: Date;

  @PrimaryColumn('uuid', pkey())
  key_id!: string;

  @Column('text')
  key_name!: string;

  @PrimaryColumn('text', pkey())
  team!: string;

  @PrimaryColumn('text', pkey())
  model!: string;

  @PrimaryColumn('uuid', pkey())
  worker_id!: string;

  @PrimaryColumn('text', pkey())
  currency!: string;

  @Column('bigint', { default: 0 })
  requests!: string;

  @Column('bigint', { default: 0 })
  errors_caller!: string;

  @Column('bigint', { default: 0 })
  errors_worker!: string;

  @Column('bigint', { default: 0 })
  errors_service!: string;

  @Column('bigint', { default: 0 })
  limited!: string;

  @Column('bigint', { default: 0 })
  input_tokens!: string;

  @Column('bigint', { default: 0 })
  cached_tokens!: string;

  @Column('bigint', { default: 0 })
  output_tokens!: string;

  @Column('bigint', { default: 0 })
  estimated_tokens!: string;

  @Column('bigint', { default: 0 })
  images!: string;

  @Column('double precision', { default: 0 })
  seconds!: number;

  @Column('numeric', { nullable: true })
  cost!: string | null;
}

/** The table `usage_batch`: the last batch of each replica in `usage_hourly`. */
@Entity('usage_batch')
export class UsageBatchEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'usage_batch_pkey' })
  replica_id!: string;

  @Column('bigint')
  sequence!: string;

  @Column('timestamptz', { default: () => 'now()' })
  at!: Date;
}
