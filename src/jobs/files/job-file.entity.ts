import { Check, Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { JobEntity } from '../job.entity.js';

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
