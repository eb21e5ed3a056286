import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkGeneration, etagOf, readIfMatch } from './if-match.js';
import { InvalidInputError } from './input-errors.js';
import { PreconditionFailedError } from './input-errors.js';

describe('If-Match', () => {
  it.each([
    [undefined, 'any'],
    ['*', 'any'],
    ['"7"', [7]],
    ['W/"7"', [7]],
    [' "7" ', [7]],
    ['"7", W/"8" ,"9"', [7, 8, 9]],
    ['"7",,', [7]],
  ])('%j means %j', (header, wanted) => {
    expect(readIfMatch(header)).toEqual(wanted);
  });

  it.each([
    '',
    '7',
    '"seven"',
    '""',
    "'7'",
    '"7" "8"',
    '"-7"',
    '"7.5"',
    'w/"7"',
    '*, "7"',
    '"99999999999999999999"',
    ',',
  ])('%j is a fault that names it', (header) => {
    expect(() => readIfMatch(header)).toThrow(InvalidInputError);
    expect(() => readIfMatch(header)).toThrow('If-Match: must be the ETag that was read');
  });

  it('fits the generation whose ETag it is, and no other', () => {
    const generation = fc.integer({ min: 1, max: 999_999_999 });
    fc.assert(
      fc.property(generation, generation, (mine, theirs) => {
        const wanted = readIfMatch(etagOf(mine));
        expect(() => checkGeneration(wanted, mine)).not.toThrow();
        fc.pre(mine !== theirs);
        expect(() => checkGeneration(wanted, theirs)).toThrow(PreconditionFailedError);
      }),
    );
  });

  it('that does not fit is answered with both generations', () => {
    expect(() => checkGeneration([2, 4], 7)).toThrow('generation 2 or 4, but it is 7');
    expect(() => checkGeneration('any', 7)).not.toThrow();
  });
});
