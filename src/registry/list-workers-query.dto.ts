import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length, Matches, MaxLength } from 'class-validator';
import { PRINTABLE, printable } from '../input/dto-rules.js';
import { ANY_TEXT, type CursorShape, PageQueryDto, UUID } from '../input/page.dto.js';

/** An order of the table, as SQL; `id` decides between equals. */
export interface WorkerSort extends CursorShape {
  readonly expression: string;
  /** The same order by the column itself, where an index has it; `null`: it is sorted by the expression. */
  readonly column: string | null;
  readonly type: 'numeric' | 'text';
  readonly descending: boolean;
}

/** Seconds to the microsecond, as PostgreSQL keeps them; a time that was set by hand may be infinity. */
const NUMBER = /^(-?\d{1,18}(\.\d{1,6})?|-?Infinity)$/;

const time = (column: string) => ({ expression: `extract(epoch FROM ${column})`, type: 'numeric' }) as const;
/** By code point, whatever the locale of the database is. */
const text = (column: string) => ({ expression: `${column} COLLATE "C"`, type: 'text' }) as const;
const number = (column: string) => ({ expression: `${column}::numeric`, type: 'numeric' }) as const;

/** Whether a worker is ejected somewhere; `ejected` is a table of the statement. */
export const IS_EJECTED = '((id, generation) IN (SELECT worker_id, generation FROM ejected))';
/** One word for admin_state, ejections and health, the strongest first. */
export const STATE = `CASE WHEN admin_state <> 'enabled' THEN admin_state WHEN health = 'unhealthy' THEN health WHEN ${IS_EJECTED} THEN 'ejected' ELSE health END`;
const SICKEST_FIRST = [
  'unhealthy',
  'ejected',
  'suspect',
  'warming',
  'unknown',
  'healthy',
  'draining',
  'disabled',
  'offline',
] as const;
/** Of the same state, the newest first. A time that was set by hand may be infinity. */
const SICK = `array_position('{${SICKEST_FIRST.join()}}'::text[], ${STATE})::numeric * 1e11 + 1e11 - least(greatest(extract(epoch FROM health_since), 0), 99999999999)`;

const COLUMNS = {
  created_at: { ...time('created_at'), column: 'created_at' },
  updated_at: time('updated_at'),
  health_since: time('health_since'),
  model_name: text('model_name'),
  owner: text('owner'),
  health: text('health'),
  admin_state: text('admin_state'),
  weight: number('weight'),
  priority: number('priority'),
  /** The ones in trouble come first. */
  sick: { expression: SICK, type: 'numeric' },
} as const;

type Column = keyof typeof COLUMNS;
type SortName = Column | `-${Column}`;

/** Ascending by a column's name, descending with `-` in front. */
const SORT_NAMES = (Object.keys(COLUMNS) as Column[]).flatMap((name): SortName[] => [name, `-${name}`]);
const DEFAULT_SORT: SortName = 'created_at';

export function sortNamed(sort: SortName = DEFAULT_SORT): WorkerSort {
  const { expression, type, ...rest } = COLUMNS[sort.replace('-', '') as Column];
  const key = [type === 'numeric' ? NUMBER : ANY_TEXT, UUID];
  return {
    sort,
    expression,
    type,
    column: 'column' in rest ? rest.column : null,
    descending: sort.startsWith('-'),
    key,
  };
}

const INCLUDES = ['figures'];
const ADMIN_STATES = ['enabled', 'disabled', 'draining', 'offline'];
const HEALTHS = ['unknown', 'healthy', 'suspect', 'unhealthy', 'warming'];

/** Which workers to list: all of them by default, also those that are offline and not purged yet. */
export class ListWorkersQueryDto extends PageQueryDto {
  @IsOptional() @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) model_name?: string;

  @IsOptional() @IsString() @MaxLength(200) @Matches(PRINTABLE, printable) owner?: string;

  /** Several values mean any of them. */
  @IsOptional()
  @IsIn(HEALTHS, { each: true })
  @ApiProperty({ enum: HEALTHS, isArray: true, required: false })
  health?: string | string[];

  /** Several values mean any of them. */
  @IsOptional()
  @IsIn(ADMIN_STATES, { each: true })
  @ApiProperty({ enum: ADMIN_STATES, isArray: true, required: false })
  admin_state?: string | string[];

  /** `key:value`, or `key` for any value. Several values mean all of them. */
  @IsOptional()
  @IsString({ each: true })
  @Length(1, 320, { each: true })
  @Matches(PRINTABLE, { ...printable, each: true })
  @ApiProperty({ type: 'string', isArray: true, required: false })
  label?: string | string[];

  /** What is in force: the health of workers that are enabled and not ejected, else why they get no requests. Several values mean any of them. */
  @IsOptional()
  @IsIn(SICKEST_FIRST, { each: true })
  @ApiProperty({ enum: SICKEST_FIRST, isArray: true, required: false })
  state?: string | string[];

  /** true: only workers that a replica has ejected; false: only others. */
  @IsOptional()
  @IsIn(['true', 'false'])
  @ApiProperty({ type: 'boolean', required: false })
  ejected?: string;

  /** A part of the model_name, name, owner or URL, or the beginning of the id; case does not matter. */
  @IsOptional() @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) q?: string;

  /** figures: what all replicas together know of each worker. */
  @IsOptional()
  @IsIn(INCLUDES, { each: true })
  @ApiProperty({ enum: INCLUDES, isArray: true, required: false })
  include?: string | string[];

  /** The column to sort by, or `sick` for those in trouble first; `-` in front of it sorts in descending order. */
  @IsOptional()
  @IsIn(SORT_NAMES)
  @ApiProperty({ enum: SORT_NAMES, default: DEFAULT_SORT, required: false })
  sort?: SortName;
}

/** Of the native list. */
export class ListWorkersDto {
  /** true: each worker with its state. */
  @IsOptional()
  @IsIn(['true', 'false'])
  @ApiProperty({ type: 'boolean', required: false })
  detail?: 'true' | 'false';
}
