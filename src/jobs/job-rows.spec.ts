import fc from 'fast-check';
import { expect, it } from 'vitest';
import { storable } from './job-rows.js';

it('makes every text of an upstream one that PostgreSQL can hold', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 50 }),
      fc.integer({ min: 1, max: 20 }),
      (text, most) => {
        const stored = storable(text, most);
        expect(stored).not.toContain('\0');
        expect(stored.isWellFormed()).toBe(true);
        expect(stored.length).toBeLessThanOrEqual(most);
      },
    ),
  );
  expect(storable('a\0b\ud800')).toBe('ab\ufffd');
});
