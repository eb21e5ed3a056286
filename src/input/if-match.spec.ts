import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkGeneration, etagOf, readIfMatch } from './if-match.js';
import { InvalidInputError, PreconditionFailedError } from './input-errors.js';

describe('If-Match', () => {
  it.each([
    [undefined, 'any'],
    ['*', 'any'],
    ['"7"', [7]],
    ['W/"7"', [7]],
    [' "7" ', [7]],
    ['"7", W/"8" ,"9"', [7, 8, 9]],
    ['"7",,', [7]],
  ])('reads %j as %j', (header, wanted) => {
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
  ])('rejects %j with a fault that names the header', (header) => {
    expect(() => readIfMatch(header)).toThrow(InvalidInputError);
    expect(() => readIfMatch(header)).toThrow('If-Match: must be an ETag in quotes');
  });

  it('matches the generation of its ETag and no other', () => {
    const generation = fc.integer({ min: 1, max: 999_999_999 });
    fc.assert(
      fc.property(generation, generation, (own, other) => {
        const wanted = readIfMatch(etagOf(own));
        expect(() => checkGeneration(wanted, own)).not.toThrow();
        fc.pre(own !== other);
        expect(() => checkGeneration(wanted, other)).toThrow(PreconditionFailedError);
      }),
    );
  });

  it('names the expected and the current generation when they differ', () => {
    expect(() => checkGeneration([2, 4], 7)).toThrow('generation 2 or 4, but the generation is 7');
    expect(() => checkGeneration('any', 7)).not.toThrow();
  });
});
