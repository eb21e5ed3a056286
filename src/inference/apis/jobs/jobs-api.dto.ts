import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length, Matches } from 'class-validator';
import { PRIORITIES, type Priority } from '../../../config/balancing-settings.js';
import { PRINTABLE, printable } from '../../../input/dto-rules.js';
import { type CursorShape, PageQueryDto, UUID } from '../../../input/page.dto.js';
import type { JobKind, PublicState } from '../../../jobs/job.js';

export const JOBS_CURSOR: CursorShape = { sort: '-created_at', key: [UUID] };

const STATES = [
  'queued',
  'running',
  'succeeded',
  'failed',
  'cancelled',
] as const satisfies readonly PublicState[];
const KINDS = ['image', 'video', 'audio', 'text'] as const satisfies readonly JobKind[];

/** Which jobs to list. */
export class ListJobsQueryDto extends PageQueryDto {
  @IsOptional()
  @IsIn(STATES, { message: `$property must be one of: ${STATES.join(', ')}` })
  @ApiProperty({ enum: STATES, required: false })
  status?: PublicState;

  @IsOptional() @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) model?: string;

  @IsOptional()
  @IsIn(KINDS, { message: `$property must be one of: ${KINDS.join(', ')}` })
  @ApiProperty({ enum: KINDS, required: false })
  kind?: JobKind;
}

/* The DTOs below only describe: bodies are read by hand (read-job-input.ts), since other fields are the template's. */

export class NewJobDto {
  /** A registered model. */
  model!: string;
  /** What to make; `input` means the same, and so does the last user message of `messages`. */
  prompt?: string;
  /** How many, 1 to 100. */
  n?: number;
  /** `WIDTHxHEIGHT`, such as 1280x720. */
  size?: string;
  /** The length of a video. */
  seconds?: number;
  quality?: string;
  negative_prompt?: string;
  seed?: number;
  /** A data URL or an http(s) URL; `images` takes a list. */
  image?: string;
  /** The same for an edit: where to draw. */
  mask?: string;
  /** Further fields for the template: {EXTRA.name}. */
  extra?: object;
  /** Receives the job when it has ended, by Standard Webhooks; needs WEBHOOK_SECRET. */
  webhook_url?: string;
}

export class JobFileDto {
  /** The upstream's URL, or a path of this service. */
  url!: string;
  content_type!: string | null;
  /** Its size, where it is known. */
  bytes!: number | null;
}

export class JobResultDto {
  files!: JobFileDto[];
}

export class JobErrorDto {
  /** Such as busy, submit_refused, submit_unknown, upstream_failed, upstream_lost, result_missing, timeout or cancelled. */
  code!: string;
  message!: string;
}

export class JobDto {
  id!: string;
  /** job */
  object!: string;
  model!: string;
  @ApiProperty({ enum: KINDS }) kind!: string;
  /** Its class: which of the jobs that wait goes next. */
  @ApiProperty({ enum: PRIORITIES }) priority!: Priority;
  /** The beginning of the prompt, in 100 characters; null for the role viewer. */
  title!: string | null;
  /** The name of the key that made it; null of ADMIN_API_KEY and of clients without a key. */
  key!: string | null;
  @ApiProperty({ enum: STATES }) status!: string;
  /** The state as the upstream names it. */
  upstream_status!: string;
  /** 0 to 100; never falls. */
  progress!: number;
  /** In the upstream's queue, where it is reported. */
  queue_position!: number | null;
  /** What is unusual at the moment. */
  note!: string;
  created_at!: string;
  submitted_at!: string | null;
  ended_at!: string | null;
  /** When the files are deleted, here or at the upstream. */
  expires_at!: string | null;
  worker_id!: string | null;
  result!: JobResultDto | null;
  error!: JobErrorDto | null;
}

export class JobPageDto {
  data!: JobDto[];
  next_cursor!: string | null;
}
