import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, IsString, Length, Matches } from 'class-validator';
import { InvalidInputError } from './input-errors.js';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
/** A model name of 200 characters takes 1,100. */
export const LONGEST_CURSOR = 4096;

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** PostgreSQL's text can hold anything but U+0000. */
export const ANY_TEXT = /^[^\0]*$/s;

/** The parameters of every list. A query string holds text: `limitOf` reads the number. */
export class PageQueryDto {
  /** How many items a page holds. */
  @IsOptional()
  @Matches(/^([1-9]\d?|1\d\d|200)$/, { message: `$property must be a whole number from 1 to ${MAX_LIMIT}` })
  @ApiProperty({ type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT, required: false })
  limit?: string;

  /** Where the page begins: `next_cursor` of the page before. */
  @IsOptional() @IsString() @Length(1, LONGEST_CURSOR) cursor?: string;
}

/** The response of a list. */
export interface Page<Item> {
  readonly data: Item[];
  /** Sent as `cursor`, it returns the page behind the last item; `null`: there is none. */
  readonly next_cursor: string | null;
}

/** The values a list is sorted by, as text; the last one distinguishes any two rows. */
type SortKey = readonly string[];

/** What a cursor of one sorted list may hold. */
export interface CursorShape {
  /** The name of the list's order. A cursor of another order means nothing here. */
  readonly sort: string;
  /** A pattern for each value of the sort key: what does not match never reaches the database. */
  readonly key: readonly RegExp[];
}

/** The page size of a validated PageQueryDto. */
export function limitOf({ limit }: { readonly limit?: string }): number {
  return limit === undefined ? DEFAULT_LIMIT : Number(limit);
}

/** A query parameter that may be given several times. */
export function listOf(value: string | string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/** The key of the row behind which the page begins; `null`: at the start. @throws InvalidInputError that names `cursor` */
export function readCursor(cursor: string | undefined, { sort, key }: CursorShape): SortKey | null {
  if (cursor === undefined) return null;
  const [ownSort, ...values] = stringsIn(cursor);
  if (ownSort === undefined) throw badCursor('is not a cursor of this service: send next_cursor unchanged');
  if (ownSort !== sort)
    throw badCursor(`belongs to a list with another sort; this list is sorted by ${sort}`);
  if (values.length !== key.length || !key.every((pattern, index) => pattern.test(values[index] ?? '')))
    throw badCursor('is not a cursor of this list: send next_cursor unchanged');
  return values;
}

/** @param rows one more than `limit` if there are more: it is left out and shows that there is a next page */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  { sort }: CursorShape,
  keyOf: (row: Row) => SortKey,
  show: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    data: shown.map(show),
    next_cursor:
      last === undefined ? null : Buffer.from(JSON.stringify([sort, ...keyOf(last)])).toString('base64url'),
  };
}

/** Empty if the cursor is not a list of strings. */
function stringsIn(cursor: string): readonly string[] {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(parsed) && parsed.every((value) => typeof value === 'string') ? parsed : [];
  } catch {
    return [];
  }
}

function badCursor(problem: string): InvalidInputError {
  return new InvalidInputError([{ field: 'cursor', problem }]);
}
