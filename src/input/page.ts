import { InvalidInputError } from './input-errors.js';

/** What a list answers. */
export interface Page<Item> {
  readonly data: Item[];
  /** Given back as `cursor`, it goes on behind the last item; `null`: that was all. */
  readonly next_cursor: string | null;
}

/** The values a list is sorted by, as text; the last one tells any two rows apart. */
export type SortKey = readonly string[];

/** What a cursor of one sorted list may hold. */
export interface CursorShape {
  /** Under which name the list is sorted. A cursor of another order says nothing about this one. */
  readonly sort: string;
  /** A pattern for each value of the sort key: what does not match never reaches the database. */
  readonly key: readonly RegExp[];
}

export const DEFAULT_LIMIT = 50;
export const MOST_LIMIT = 200;
/** A model name of 200 characters takes 1,100. */
export const LONGEST_CURSOR = 4096;

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** PostgreSQL's text can hold anything but U+0000. */
export const ANY_TEXT = /^[^\0]*$/s;

/** How many rows a caller wants, of what a PageQueryDto has checked. */
export function limitOf({ limit }: { readonly limit?: string }): number {
  return limit === undefined ? DEFAULT_LIMIT : Number(limit);
}

/** Behind which row to go on; `null`: from the beginning. @throws InvalidInputError that names `cursor` */
export function readCursor(cursor: string | undefined, { sort, key }: CursorShape): SortKey | null {
  if (cursor === undefined) return null;
  const [itsSort, ...values] = stringsIn(cursor);
  if (itsSort === undefined) throw badCursor('is none of this service: send next_cursor as it was given');
  if (itsSort !== sort) throw badCursor(`belongs to a list with another sort (${sort} was asked for)`);
  if (values.length !== key.length || !key.every((pattern, index) => pattern.test(values[index] ?? '')))
    throw badCursor('is none of this list: send next_cursor as it was given');
  return values;
}

/** @param rows one more than `limit`, where there are more: it is left out, and tells that there are */
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

/** None, if it is no list of strings. */
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
