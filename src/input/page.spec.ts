import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidInputError } from './input-errors.js';
import { ANY_TEXT, type CursorShape, limitOf, LONGEST_CURSOR, pageOf, readCursor, UUID } from './page.js';
import { PageQueryDto } from './page.dto.js';
import { readDto } from './read-dto.js';

const BY_NAME: CursorShape = { sort: 'name', key: [ANY_TEXT, UUID] };
const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0') && value.isWellFormed());
const keyOf = (row: readonly string[]) => row;
const show = ([first]: readonly string[]) => first;

describe('a page', () => {
  it('leads to the next with the key of its last row, whatever that holds', () => {
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

  it('has a cursor that fits for the longest names', () => {
    const name = '"'.repeat(200);
    const { next_cursor } = pageOf([[name, ''], ['']], 1, BY_NAME, keyOf, show);
    expect(next_cursor?.length).toBeLessThan(LONGEST_CURSOR);
  });
});

describe('a cursor', () => {
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const ID = '00000000-0000-4000-8000-000000000000';

  it('of no list is a fault that names it, and never another error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.jsonValue().map(encoded)), (cursor) => {
        expect(() => readCursor(cursor, BY_NAME)).toThrow(InvalidInputError);
      }),
    );
  });

  it.each([
    ['of another order', encoded(['age', 'x', ID]), 'another sort (name was asked for)'],
    ['with too few values', encoded(['name', 'x']), 'none of this list'],
    ['with too many', encoded(['name', 'x', ID, ID]), 'none of this list'],
    ['with a value that is none', encoded(['name', 'x', 'no uuid']), 'none of this list'],
    ['with U+0000', encoded(['name', 'a\0', ID]), 'none of this list'],
    ['that is no text', encoded([1]), 'next_cursor as it was given'],
  ])('%s is refused', (_what, cursor, words) => {
    expect(() => readCursor(cursor, BY_NAME)).toThrow(`cursor: `);
    expect(() => readCursor(cursor, BY_NAME)).toThrow(words);
  });
});

describe('the query of a list', () => {
  const faultsOf = (query: object) => readDto(PageQueryDto, query).faults.map(({ field }) => field);

  it('takes a limit from 1 to 200, 50 if none is given', () => {
    expect(limitOf({})).toBe(50);
    for (const limit of [1, 9, 10, 99, 100, 199, 200]) {
      expect([limit, faultsOf({ limit: String(limit) })]).toEqual([limit, []]);
      expect(limitOf({ limit: String(limit) })).toBe(limit);
    }
    for (const limit of ['0', '-1', '201', '1000', '1.5', '1e1', ' 5', '', 'all', ['1', '2'], 7])
      expect([limit, faultsOf({ limit })]).toEqual([limit, ['limit']]);
  });

  it('takes a cursor that could be one', () => {
    expect(faultsOf({ cursor: 'abc' })).toEqual([]);
    for (const cursor of ['', 'a'.repeat(5000), ['a']]) expect(faultsOf({ cursor })).toEqual(['cursor']);
  });
});
