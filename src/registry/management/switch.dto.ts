import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsOptional,
  IsString,
  Length,
  Matches,
} from 'class-validator';
import { ApiProperty } from '@nestjs/swagger';
import { PRINTABLE, printable } from '../../input/dto-rules.js';
import { UUID } from '../../input/page.dto.js';

/** Workers of one request. A switch takes a few milliseconds, and a request must end. */
export const MOST_WORKERS = 1_000;
const ACTIONS = ['enable', 'disable', 'drain', 'probe'] as const;

/** What may be sent to a switch. */
export class SwitchDto {
  /** Why, for the history. */
  @IsOptional() @IsString() @Length(1, 500) @Matches(PRINTABLE, printable) note?: string;
}

/** What to do with many workers: those with these ids, or those of a model. */
export class BulkDto extends SwitchDto {
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MOST_WORKERS)
  @Matches(UUID, { each: true, message: '$property must hold ids of workers' })
  ids?: string[];

  /** All workers of this model that are not offline. */
  @IsOptional() @IsString() @Length(1, 200) @Matches(PRINTABLE, printable) model_name?: string;

  /** drain leaves workers that are disabled or offline as they are. */
  @IsIn(ACTIONS)
  @ApiProperty({ enum: ACTIONS })
  do!: (typeof ACTIONS)[number];
}

class BulkResultDto {
  id!: string;
  ok!: boolean;
  /** Why not; null: it is done. */
  problem!: string | null;
}

export class BulkAnswerDto {
  data!: BulkResultDto[];
}
