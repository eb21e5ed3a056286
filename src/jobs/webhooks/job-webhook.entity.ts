import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The table `job_webhook`: the report of a job's end to its client. */
@Entity('job_webhook')
@Check('job_webhook_state_known', `state IN ('succeeded', 'failed', 'cancelled')`)
@Check('job_webhook_tries', 'tries >= 0')
@Check('job_webhook_ended', '(due_at IS NULL) = (ended_at IS NOT NULL)')
@Index('job_webhook_due', ['due_at'], { where: 'due_at IS NOT NULL' })
@Index('job_webhook_done', ['ended_at'], { where: 'ended_at IS NOT NULL' })
export class JobWebhookEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'job_webhook_pkey' })
  job_id!: string;

  @Column('text')
  url!: string;

  @Column('text')
  state!: 'succeeded' | 'failed' | 'cancelled';

  @Column('text', { nullable: true })
  body!: string | null;

  @Column('integer', { default: 0 })
  tries!: number;

  @Column('timestamptz', { default: () => 'now()' })
  created_at!: Date;

  @Column('timestamptz', { nullable: true, default: () => 'now()' })
  due_at!: Date | null;

  @Column('timestamptz', { nullable: true })
  lease_until!: Date | null;

  @Column('integer', { nullable: true })
  last_status!: number | null;

  @Column('text', { default: '' })
  last_error!: string;

  @Column('timestamptz', { nullable: true })
  ended_at!: Date | null;

  @Column('boolean', { default: false })
  delivered!: boolean;
}
