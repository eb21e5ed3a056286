import { Check, Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** The table `worker_event`: the history of workers, written by a trigger. */
@Entity('worker_event')
@Check(
  'worker_event_kind_known_2',
  `kind IN ('registered', 'changed', 'enabled', 'disabled', 'draining', 'offline', 'healthy', 'suspect', 'unhealthy', 'warming', 'unknown', 'recovered', 'deleted', 'ejected', 'failing', 'serving')`,
)
@Index('worker_event_of_worker', ['worker_id', 'id'])
export class WorkerEventEntity {
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'worker_event_pkey',
  })
  id!: string;

  @Index('worker_event_at')
  @Column('timestamptz', { default: () => 'clock_timestamp()' })
  at!: Date;

  @Column('uuid')
  worker_id!: string;

  @Column('text')
  model_name!: string;

  @Column('text')
  req_url_template!: string;

  @Column('text')
  kind!: string;

  @Column('text', { default: '' })
  detail!: string;

  @Column('text')
  actor!: string;

  @Column('integer')
  generation!: number;
}
