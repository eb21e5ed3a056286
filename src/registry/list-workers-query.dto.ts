import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length, Matches, MaxLength } from 'class-validator';
import { PageQueryDto } from '../input/page.dto.js';
import { PRINTABLE, printable } from '../input/dto-rules.js';
import { DEFAULT_SORT, SORT_NAMES, type SortName } from './management/worker-sort.js';

const ADMIN_STATES = ['enabled', 'disabled', 'draining', 'offline'];
const HEALTHS = ['unknown', 'healthy', 'suspect', 'unhealthy', 'warming'];

/** Which workers to list, all of them by default: also those that are offline and not purged yet. */
export class ListWorkersQueryDto extends PageQueryDto {
  @IsOptional() @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) model_name?: string;

  @IsOptional() @IsString() @MaxLength(200) @Matches(PRINTABLE, printable) owner?: string;

  /** What the probes say; given several times, any of them. */
  @IsOptional()
  @IsIn(HEALTHS, { each: true, message: oneOf(HEALTHS) })
  @ApiProperty({ enum: HEALTHS, isArray: true, required: false })
  health?: string | string[];

  /** What people want; given several times, any of them. */
  @IsOptional()
  @IsIn(ADMIN_STATES, { each: true, message: oneOf(ADMIN_STATES) })
  @ApiProperty({ enum: ADMIN_STATES, isArray: true, required: false })
  admin_state?: string | string[];

  /** `key:value`, or `key` for any value; given several times, all of them. */
  @IsOptional()
  @IsString({ each: true })
  @Length(1, 320, { each: true })
  @Matches(PRINTABLE, { ...printable, each: true })
  @ApiProperty({ type: 'string', isArray: true, required: false })
  label?: string | string[];

  /** What to sort by; with `-` in front, the other way round. */
  @IsOptional()
  @IsIn(SORT_NAMES, { message: oneOf(SORT_NAMES) })
  @ApiProperty({ enum: SORT_NAMES, default: DEFAULT_SORT, required: false })
  sort?: SortName;
}

function oneOf(values: readonly string[]): string {
  return `$property must be one of: ${values.join(', ')}`;
}
