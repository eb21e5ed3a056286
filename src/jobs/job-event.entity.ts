import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import { JobEntity } from './job.entity.js';

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
