import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A new one for each column: TypeORM changes it. */
const key = (table: string) => ({ primaryKeyConstraintName: `${table}_pkey` });

/** The sums. bigint and numeric come as text. */
abstract class UsageFigures {
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

/** The table `usage_hourly`: what requests used. */
@Entity('usage_hourly')
@Index('usage_hourly_key', ['key_id', 'hour'])
@Index('usage_hourly_team', ['team', 'hour'])
@Index('usage_hourly_worker', ['hour', 'worker_id'])
@Check('usage_hourly_cost', `(cost IS NULL) = (currency = '')`)
export class UsageHourlyEntity extends UsageFigures {
  @PrimaryColumn('timestamptz', key('usage_hourly'))
  hour!: Date;

  @PrimaryColumn('uuid', key('usage_hourly'))
  key_id!: string;

  @Column('text')
  key_name!: string;

  @PrimaryColumn('text', key('usage_hourly'))
  team!: string;

  @PrimaryColumn('text', key('usage_hourly'))
  model!: string;

  @PrimaryColumn('uuid', key('usage_hourly'))
  worker_id!: string;

  @PrimaryColumn('text', key('usage_hourly'))
  currency!: string;
}

/** The table `usage_by_hour`: the same without workers. */
@Entity('usage_by_hour')
@Index('usage_by_hour_key', ['key_id', 'hour'])
@Check('usage_by_hour_cost', `(cost IS NULL) = (currency = '')`)
export class UsageByHourEntity extends UsageFigures {
  @PrimaryColumn('timestamptz', key('usage_by_hour'))
  hour!: Date;

  @PrimaryColumn('uuid', key('usage_by_hour'))
  key_id!: string;

  @Column('text')
  key_name!: string;

  @PrimaryColumn('text', key('usage_by_hour'))
  team!: string;

  @PrimaryColumn('text', key('usage_by_hour'))
  model!: string;

  @PrimaryColumn('text', key('usage_by_hour'))
  currency!: string;
}

/** The table `usage_by_worker`: the same by day. */
@Entity('usage_by_worker')
@Index('usage_by_worker_key', ['key_id', 'day'])
@Index('usage_by_worker_day_key', ['day', 'key_id'])
@Check('usage_by_worker_cost', `(cost IS NULL) = (currency = '')`)
export class UsageByWorkerEntity extends UsageFigures {
  @PrimaryColumn('date', key('usage_by_worker'))
  day!: string;

  @PrimaryColumn('uuid', key('usage_by_worker'))
  worker_id!: string;

  @PrimaryColumn('uuid', key('usage_by_worker'))
  key_id!: string;

  @Column('text')
  key_name!: string;

  @PrimaryColumn('text', key('usage_by_worker'))
  team!: string;

  @PrimaryColumn('text', key('usage_by_worker'))
  model!: string;

  @PrimaryColumn('text', key('usage_by_worker'))
  currency!: string;
}

/** The table `usage_daily`: the same by day and without workers. */
@Entity('usage_daily')
@Index('usage_daily_key', ['key_id', 'day'])
@Index('usage_daily_team', ['team', 'day'])
@Check('usage_daily_cost', `(cost IS NULL) = (currency = '')`)
export class UsageDailyEntity extends UsageFigures {
  @PrimaryColumn('date', key('usage_daily'))
  day!: string;

  @PrimaryColumn('uuid', key('usage_daily'))
  key_id!: string;

  @Column('text')
  key_name!: string;

  @PrimaryColumn('text', key('usage_daily'))
  team!: string;

  @PrimaryColumn('text', key('usage_daily'))
  model!: string;

  @PrimaryColumn('text', key('usage_daily'))
  currency!: string;
}

/** The table `usage_batch`: the last batch of each replica in `usage_hourly`. */
@Entity('usage_batch')
export class UsageBatchEntity {
  @PrimaryColumn('uuid', key('usage_batch'))
  replica_id!: string;

  @Column('bigint')
  sequence!: string;

  @Column('timestamptz', { default: () => 'now()' })
  at!: Date;
}
