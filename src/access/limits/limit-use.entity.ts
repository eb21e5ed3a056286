import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The table `limit_use`: what all replicas have used of the limits of a key or a team. */
@Entity('limit_use')
@Check('limit_use_subject', "subject ~ '^(key|team) .'")
export class LimitUseEntity {
  /** `key <id>` or `team <name>`. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'limit_use_pkey' })
  subject!: string;

  @Column('double precision', { nullable: true })
  requests_left!: number | null;

  @Column('double precision', { nullable: true })
  tokens_left!: number | null;

  @Column('jsonb', { default: {} })
  replicas!: object;

  @Column('date')
  month!: string;

  @Column('double precision', { default: 0 })
  month_tokens!: number;

  @Column('double precision', { default: 0 })
  month_cost!: number;

  @Column('timestamptz', { default: () => 'now()' })
  updated_at!: Date;
}
