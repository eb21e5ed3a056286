import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRange } from './byte-range.js';

describe('a range of bytes', () => {
  it.each([
    ['bytes=0-99', { first: 0, last: 99 }],
    ['bytes=900-', { first: 900, last: 999 }],
    ['bytes=-100', { first: 900, last: 999 }],
    ['bytes=-5000', { first: 0, last: 999 }],
    ['bytes=500-5000', { first: 500, last: 999 }],
    ['bytes=1000-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=9-5', null],
    ['bytes=-', null],
    ['bytes=0-1,5-6', null],
    ['items=0-1', null],
    [null, null],
  ] as const)('reads %j', (header, expected) => {
    expect(readRange(header, 1000)).toEqual(expected);
  });

  it('always lies within the file', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.nat(), fc.nat({ max: 10_000 }), (junk, from, to, size) => {
        for (const header of [junk, `bytes=${from}-${to}`, `bytes=${from}-`, `bytes=-${to}`]) {
          const range = readRange(header, size);
          if (range === null || range === 'unsatisfiable') continue;
          expect(range.first).toBeGreaterThanOrEqual(0);
          expect(range.first).toBeLessThanOrEqual(range.last);
          expect(range.last).toBeLessThan(size);
        }
      }),
    );
  });
});
