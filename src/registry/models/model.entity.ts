import { Check, Column, Entity, PrimaryColumn } from 'typeorm';
import { PRIORITIES, type Priority, STRATEGIES, type Strategy } from '../../config/balancing-settings.js';
import type { RetryCause } from './model-policy.js';

/** The table `model`: the policy for all workers of one model. `null`: the settings decide. */
@Entity('model')
@Check('model_name_length', 'char_length(name) BETWEEN 1 AND 200')
@Check('model_strategy_known_2', `strategy IN (${STRATEGIES.map((name) => `'${name}'`).join(', ')})`)
@Check('model_fallbacks_few', 'cardinality(fallbacks) <= 10 AND array_position(fallbacks, name) IS NULL')
@Check(
  'model_fallbacks_named',
  `array_position(fallbacks, NULL) IS NULL AND array_position(fallbacks, '') IS NULL`,
)
@Check('model_retries_range', 'retries BETWEEN 0 AND 10')
@Check(
  'model_retry_on_known',
  `retry_on <@ ARRAY['connection', '429', '500', '502', '503', '504', 'timeout', 'credentials'] AND coalesce(array_ndims(retry_on), 1) = 1`,
)
@Check('model_queue_range', 'queue_max BETWEEN 0 AND 1000000 AND queue_wait_ms BETWEEN 0 AND 3600000')
@Check('model_hold_range', 'hold_s BETWEEN 0 AND 3600')
@Check('model_priority_known', `priority IN (${PRIORITIES.map((name) => `'${name}'`).join(', ')})`)
@Check('model_bulk_share_range', 'bulk_share BETWEEN 0.05 AND 1')
@Check('model_timeouts_positive', 'connect_ms > 0 AND first_byte_ms > 0 AND idle_ms > 0 AND total_ms > 0')
@Check('model_price_currency', `price_currency ~ '^[A-Z]{3}$'`)
@Check(
  'model_price_complete',
  '(price_currency IS NULL) = (num_nonnulls(price_input, price_output, price_cached_input, price_image, price_second) = 0)',
)
@Check(
  'model_price_range',
  'price_input BETWEEN 0 AND 1e9 AND price_output BETWEEN 0 AND 1e9 AND price_cached_input BETWEEN 0 AND 1e9 AND price_image BETWEEN 0 AND 1e9 AND price_second BETWEEN 0 AND 1e9',
)
@Check('model_generation_positive', 'generation > 0')
export class ModelEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'model_pkey' })
  name!: string;

  @Column('text', { nullable: true })
  strategy!: Strategy | null;

  @Column('text', { array: true, default: [] })
  fallbacks!: string[];

  @Column('integer', { nullable: true })
  retries!: number | null;

  @Column('text', { array: true, nullable: true })
  retry_on!: RetryCause[] | null;

  @Column('integer', { nullable: true })
  queue_max!: number | null;

  @Column('integer', { nullable: true })
  queue_wait_ms!: number | null;

  @Column('integer', { nullable: true })
  hold_s!: number | null;

  @Column('integer', { nullable: true })
  connect_ms!: number | null;

  @Column('integer', { nullable: true })
  first_byte_ms!: number | null;

  @Column('integer', { nullable: true })
  idle_ms!: number | null;

  @Column('integer', { nullable: true })
  total_ms!: number | null;

  @Column('text', { nullable: true })
  price_currency!: string | null;

  @Column('numeric', { nullable: true })
  price_input!: string | null;

  @Column('numeric', { nullable: true })
  price_output!: string | null;

  @Column('numeric', { nullable: true })
  price_cached_input!: string | null;

  @Column('numeric', { nullable: true })
  price_image!: string | null;

  @Column('numeric', { nullable: true })
  price_second!: string | null;

  @Column('text', { nullable: true })
  priority!: Priority | null;

  @Column('double precision', { nullable: true })
  bulk_share!: number | null;

  @Column('integer', { default: 1 })
  generation!: number;

  @Column('timestamptz', { default: () => 'now()' })
  created_at!: Date;

  @Column('timestamptz', { default: () => 'now()' })
  updated_at!: Date;

  @Column('text', { default: '' })
  updated_by!: string;
}
