import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length, Matches } from 'class-validator';
import { PRINTABLE, printable, TIME, time } from '../input/dto-rules.js';
import { LONGEST_CURSOR } from '../input/page.dto.js';

export const GROUPS = ['key', 'team', 'model', 'worker', 'hour', 'day'] as const;
export type Group = (typeof GROUPS)[number];

export const DEFAULT_ROWS = 1_000;
export const MOST_ROWS = 10_000;

const LIST = new RegExp(`^(${GROUPS.join('|')})(,(${GROUPS.join('|')}))*$`);

/** Which usage to sum, and how: all of this month in one row by default. */
export class UsageQueryDto {
  /** Hours that begin at this time or later; if left out, since the month began. A date begins at midnight UTC. */
  @IsOptional() @Matches(TIME, time) from?: string;

  /** Hours that begin before this time; if left out, up to now. */
  @IsOptional() @Matches(TIME, time) to?: string;

  /** One row for each, such as key,model. Hours and days are those of UTC. */
  @IsOptional()
  @Matches(LIST, { message: `$property must be a list of ${GROUPS.join(', ')}, separated by commas` })
  @ApiProperty({ type: 'string', example: 'key,model', required: false })
  group_by?: string;

  /** The name or the id of a key; root: ADMIN_API_KEY, and clients that need no key. */
  @IsOptional() @IsString() @Length(1, 100) @Matches(PRINTABLE, printable) key?: string;

  @IsOptional() @IsString() @Length(1, 100) @Matches(PRINTABLE, printable) team?: string;

  @IsOptional() @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) model?: string;

  /** json, or csv, which Accept: text/csv selects, too. */
  @IsOptional() @IsIn(['json', 'csv']) format?: 'json' | 'csv';

  /** How many rows a page holds. */
  @IsOptional()
  @Matches(/^([1-9]\d{0,3}|10000)$/, { message: `$property must be a whole number from 1 to ${MOST_ROWS}` })
  @ApiProperty({ type: 'integer', minimum: 1, maximum: MOST_ROWS, default: DEFAULT_ROWS, required: false })
  limit?: string;

  /** Where the page begins: `next_cursor` of the page before. */
  @IsOptional() @IsString() @Length(1, LONGEST_CURSOR) cursor?: string;
}

/** What the requests of a group used. The fields up to `worker_id` are there when they are in `group_by`. */
export class UsageRowDto {
  hour?: Date;
  /** Such as 2026-11-27. */
  day?: string;
  /** The name of the key; root: ADMIN_API_KEY, or a client that needs no key. */
  key?: string;
  /** null: root. */
  key_id?: string | null;
  /** null: keys without a team. */
  team?: string | null;
  /** The model that answered; null: none of the registered ones was named. */
  model?: string | null;
  /** null: no worker was tried. */
  worker_id?: string | null;
  /** With those that failed, without those that were refused or limited. */
  requests!: number;
  /** Of these, failed by the fault of the caller. */
  errors_caller!: number;
  /** Of these, failed by the fault of a worker. */
  errors_worker!: number;
  /** Of these, failed because no worker was free, or by a fault of the service. */
  errors_service!: number;
  /** Refused by a limit of the key or the team. */
  limited!: number;
  /** With cached ones. */
  input_tokens!: number;
  /** Of these, read from the cache of the server. */
  cached_tokens!: number;
  output_tokens!: number;
  /** Of input_tokens and output_tokens, those that no server reported. */
  estimated_tokens!: number;
  images!: number;
  /** Of video or audio that was made, where known. */
  seconds!: number;
  /** By the prices at that time; null: the models had none. */
  cost!: number | null;
  currency!: string | null;
}

export class UsagePageDto {
  /** Two currencies are two rows. */
  data!: UsageRowDto[];
  /** Sent as `cursor`, it returns the next page; null: this page is the last. */
  next_cursor!: string | null;
}
