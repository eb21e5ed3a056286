import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The table `worker_object`: which worker's server keeps an object that clients name later. */
@Entity('worker_object')
@Check('worker_object_id_length', 'octet_length(id) BETWEEN 1 AND 256')
export class WorkerObjectEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'worker_object_pkey' })
  id!: string;

  @Column('uuid')
  worker_id!: string;

  @Index('worker_object_created')
  @Column('timestamptz', { default: () => 'now()' })
  created_at!: Date;
}
