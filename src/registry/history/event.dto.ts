import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length, Matches } from 'class-validator';
import { PRINTABLE, printable, TIME, time } from '../../input/dto-rules.js';
import { PageQueryDto, UUID } from '../../input/page.dto.js';
import { EVENT_KINDS, SUBJECTS, VIAS } from './event.entity.js';

/** Which events to list: all by default. */
export class ListEventsQueryDto extends PageQueryDto {
  /** The actor, such as root, the name of a key, health or psql:postgres; also with what follows a slash (psql:postgres/alice). */
  @IsOptional() @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) actor?: string;

  /** Several values mean any of them. */
  @IsOptional()
  @IsIn(EVENT_KINDS, { each: true })
  @ApiProperty({ enum: EVENT_KINDS, isArray: true, required: false })
  kind?: string | string[];

  @IsOptional() @IsIn(SUBJECTS) subject?: (typeof SUBJECTS)[number];

  @IsOptional() @IsIn(VIAS) via?: (typeof VIAS)[number];

  @IsOptional()
  @Matches(UUID, { message: '$property must be the id of a worker' })
  worker_id?: string;

  /** Events of the policy and, by their model_name at that time, of the workers. */
  @IsOptional() @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) model_name?: string;

  /** Events from this time on. A date begins at midnight UTC. */
  @IsOptional() @Matches(TIME, time) since?: string;

  /** Events before this time. */
  @IsOptional() @Matches(TIME, time) until?: string;
}

export class UndoQueryDto {
  /** true: also overwrites what was changed since. */
  @IsOptional() @IsIn(['true', 'false']) @ApiProperty({ type: 'boolean', required: false }) force?: string;
}

/** Something that happened to a worker, to the policy of a model, to a key, to a team or to sessions of browsers. */
export class EventDto {
  id!: string;
  at!: Date;
  /** registered, created, changed, deleted, restored; of a key also revoked and rotated; of sessions ended; a new admin_state; a new health (recovered: healthy again); ejected, failing, serving: what requests show. */
  kind!: string;
  subject!: (typeof SUBJECTS)[number];
  /** The id of the worker or the key; null: all else has none. */
  subject_id!: string | null;
  /** The model (of a worker, its model_name at that time), the key, the team, or the user of the sessions (*: of all). */
  subject_name!: string;
  /** The name of the worker at that time, '' if it had none; null: not of a worker, or recorded by an earlier release. */
  worker_name!: string | null;
  /** The name of a key; root: ADMIN_API_KEY, or a client that needs no key; psql:<role>, with /<actor> where mmm.actor was set; or what the service did by itself, such as health, drained, retention. */
  actor!: string;
  /** null: recorded by an earlier release. */
  via!: (typeof VIAS)[number] | null;
  /** The role that logged in at the database. */
  role!: string | null;
  /** The values before, of the columns that changed; "<sealed>" stands for credentials and for the query of a URL. null: there was nothing. */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  before!: object | null;
  /** The values after; null: it was deleted. */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  after!: object | null;
  /** The columns that changed, the reason of a new health, or the note of a switch. */
  note!: string;
  /** The id of the event that this one took back. */
  undoes!: string | null;
  /** The generation after the event. */
  generation!: number | null;
  /** The worker's URL at that time, without its query; null: a policy has none. */
  req_url_template!: string | null;
}

export class EventPageDto {
  /** Newest first. */
  data!: EventDto[];
  /** Sent as `cursor`, it returns the next page; null: this page is the last. */
  next_cursor!: string | null;
}

/** Something that happened to a worker. */
export class WorkerEventDto extends EventDto {
  /** As note. */
  detail!: string;
  /** As subject_name. */
  model_name!: string;
}

export class WorkerEventPageDto {
  /** Newest first. */
  data!: WorkerEventDto[];
  /** Sent as `cursor`, it returns the next page; null: this page is the last. */
  next_cursor!: string | null;
}
