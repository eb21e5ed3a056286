import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, IsString, Length, Matches } from 'class-validator';
import { DEFAULT_LIMIT, LONGEST_CURSOR, MOST_LIMIT } from './page.js';

/** What every list takes. A query holds text: `limitOf` reads the number. */
export class PageQueryDto {
  /** How many to show. */
  @IsOptional()
  @Matches(/^([1-9]\d?|1\d\d|200)$/, { message: `$property must be a whole number from 1 to ${MOST_LIMIT}` })
  @ApiProperty({ type: 'integer', minimum: 1, maximum: MOST_LIMIT, default: DEFAULT_LIMIT, required: false })
  limit?: string;

  /** Where to go on: `next_cursor` of the page before. */
  @IsOptional() @IsString() @Length(1, LONGEST_CURSOR) cursor?: string;
}
