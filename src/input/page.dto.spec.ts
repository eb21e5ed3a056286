import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidInputError } from './input-errors.js';
import {
  ANY_TEXT,
  type CursorShape,
  limitOf,
  LONGEST_CURSOR,
  pageOf,
  PageQueryDto,
  readCursor,
  UUID,
} from './page.dto.js';
import { readDto } from './read-dto.js';

const BY_NAME: CursorShape = { sort: 'name', key: [ANY_TEXT, UUID] };
const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0') && value.isWellFormed());
const keyOf = (row: readonly string[]) => row;
const show = ([first]: readonly string[]) => first;

describe('pageOf', () => {
  it('gives a cursor that reads back as the key of the last row', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(text, fc.uuid()), { maxLength: 6 }),
        fc.integer({ min: 1, max: 6 }),
        (rows, limit) => {
          const page = pageOf(rows, limit, BY_NAME, keyOf, show);
          expect(page.data).toEqual(rows.slice(0, limit).map(([first]) => first));
          const after = readCursor(page.next_cursor ?? undefined, BY_NAME);
          expect(after).toEqual(rows.length > limit ? rows[limit - 1] : null);
        },
      ),
    );
  });

  it('gives a cursor within its limit for the longest names', () => {
    const name = '"'.repeat(200);
    const { next_cursor } = pageOf([[name, ''], ['']], 1, BY_NAME, keyOf, show);
    expect(next_cursor?.length).toBeLessThan(LONGEST_CURSOR);
  });
});

describe('readCursor', () => {
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const ID = '00000000-0000-4000-8000-000000000000';

  it('throws an InvalidInputError, and no other error, for any text that is not a cursor', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.jsonValue().map(encoded)), (cursor) => {
        expect(() => readCursor(cursor, BY_NAME)).toThrow(InvalidInputError);
      }),
    );
  });

  it.each([
    ['a cursor of another order', encoded(['age', 'x', ID]), 'another sort; this list is sorted by name'],
    ['a cursor with too few values', encoded(['name', 'x']), 'not a cursor of this list'],
    ['a cursor with too many values', encoded(['name', 'x', ID, ID]), 'not a cursor of this list'],
    [
      'a cursor with an id that is not a UUID',
      encoded(['name', 'x', 'no uuid']),
      'not a cursor of this list',
    ],
    ['a cursor with U+0000', encoded(['name', 'a\0', ID]), 'not a cursor of this list'],
    ['a cursor that is not text', encoded([1]), 'send next_cursor unchanged'],
  ])('rejects %s', (_what, cursor, problem) => {
    expect(() => readCursor(cursor, BY_NAME)).toThrow(`cursor: `);
    expect(() => readCursor(cursor, BY_NAME)).toThrow(problem);
  });
});

describe('PageQueryDto', () => {
  const faultsOf = (query: object) => readDto(PageQueryDto, query).faults.map(({ field }) => field);

  it('accepts a limit from 1 to 200, with 50 as the default', () => {
    expect(limitOf({})).toBe(50);
    for (const limit of [1, 9, 10, 99, 100, 199, 200]) {
      expect([limit, faultsOf({ limit: String(limit) })]).toEqual([limit, []]);
      expect(limitOf({ limit: String(limit) })).toBe(limit);
    }
    for (const limit of ['0', '-1', '201', '1000', '1.5', '1e1', ' 5', '', 'all', ['1', '2'], 7])
      expect([limit, faultsOf({ limit })]).toEqual([limit, ['limit']]);
  });

  it('accepts a cursor of at most 4096 characters', () => {
    expect(faultsOf({ cursor: 'abc' })).toEqual([]);
    for (const cursor of ['', 'a'.repeat(5000), ['a']]) expect(faultsOf({ cursor })).toEqual(['cursor']);
  });
});
