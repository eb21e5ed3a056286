import { Check, Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

export const SUBJECTS = ['worker', 'model', 'key', 'team', 'session'] as const;
export const VIAS = ['api', 'psql', 'service'] as const;
export const EVENT_KINDS = [
  'registered',
  'created',
  'changed',
  'deleted',
  'restored',
  'enabled',
  'disabled',
  'draining',
  'offline',
  'healthy',
  'suspect',
  'unhealthy',
  'warming',
  'unknown',
  'recovered',
  'ejected',
  'failing',
  'serving',
  'revoked',
  'rotated',
  'ended',
  'awake',
  'asleep',
  'waking',
  'wake_failed',
] as const;

const inSql = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');

/** Values of columns; "<sealed>" stands for what may be a credential and for the query of a URL. */
export type EventValues = Readonly<Record<string, unknown>>;

/** The table `event`: the history of workers, policies of models, keys, teams and ends of sessions, written by triggers. */
@Entity('event')
@Check('event_kind_known_4', `kind IN (${inSql(EVENT_KINDS)})`)
@Check('event_subject_known_3', `subject IN (${inSql(SUBJECTS)})`)
@Check('event_subject_id_2', `(subject IN ('worker', 'key')) = (subject_id IS NOT NULL)`)
@Check('event_via_known', `via IN (${inSql(VIAS)})`)
@Index('event_of_subject', ['subject_id', 'id'])
@Index('event_of_policy', ['subject_name', 'id'], { where: `subject = 'model'` })
export class EventEntity {
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'event_pkey',
  })
  id!: string;

  @Index('event_at')
  @Column('timestamptz', { default: () => 'clock_timestamp()' })
  at!: Date;

  @Column('text', { default: 'worker' })
  subject!: (typeof SUBJECTS)[number];

  /** Of workers and keys alone. */
  @Column('uuid', { nullable: true })
  subject_id!: string | null;

  /** The model (of a worker, its `model_name` at that time), the key, the team, or the user of the sessions (`*`: of all). */
  @Column('text')
  subject_name!: string;

  /** Of the worker at that time; `null`: of something else, or recorded by an earlier release. */
  @Column('text', { nullable: true })
  worker_name!: string | null;

  @Column('text', { nullable: true })
  req_url_template!: string | null;

  @Column('text')
  kind!: string;

  @Column('text', { default: '' })
  note!: string;

  @Column('text')
  actor!: string;

  /** `null`: recorded by a release that did not know. */
  @Column('text', { nullable: true })
  via!: (typeof VIAS)[number] | null;

  @Column('text', { nullable: true })
  role!: string | null;

  @Column('integer', { nullable: true })
  generation!: number | null;

  @Column('jsonb', { nullable: true })
  before!: EventValues | null;

  @Column('jsonb', { nullable: true })
  after!: EventValues | null;

  @Column('bigint', { nullable: true })
  undoes!: string | null;
}

/** The table `event_undo`: what `undo_event()` needs of an event besides its shown values. */
@Entity('event_undo')
export class EventUndoEntity {
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'event_undo_pkey' })
  event_id!: string;

  @Column('jsonb')
  before!: EventValues;

  @Column('jsonb', { nullable: true })
  after!: EventValues | null;
}
