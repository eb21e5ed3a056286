import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fairParts } from './fair-parts.js';

const want = fc.record({
  slots: fc.double({ min: 0, max: 100, noNaN: true }),
  weight: fc.integer({ min: 1, max: 1000 }),
});
const wants = fc.array(want, { maxLength: 30 });
const slots = fc.integer({ min: 0, max: 500 });
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

describe('the fair parts of slots', () => {
  it('add up to the slots or to all wants, and give no tenant more than it wants', () => {
    fc.assert(
      fc.property(slots, wants, (count, all) => {
        const parts = fairParts(count, all);
        expect(sum(parts)).toBeCloseTo(Math.min(count, sum(all.map((its) => its.slots))), 6);
        for (const [at, part] of parts.entries()) {
          expect(part).toBeGreaterThanOrEqual(0);
          expect(part).toBeLessThanOrEqual((all[at]?.slots ?? 0) + 1e-9);
        }
      }),
    );
  });

  it('give those that want more the same for their weight, and the others no more than that', () => {
    fc.assert(
      fc.property(slots, wants, (count, all) => {
        const parts = fairParts(count, all);
        const levels = parts.map((part, at) => part / (all[at]?.weight ?? 1));
        const unsated = levels.filter((_, at) => (parts[at] ?? 0) < (all[at]?.slots ?? 0) - 1e-6);
        const level = Math.max(...levels);
        for (const its of unsated) expect(its).toBeCloseTo(level, 5);
      }),
    );
  });

  it('are the same in any order', () => {
    fc.assert(
      fc.property(slots, wants, (count, all) => {
        const parts = fairParts(count, all);
        const reversed = fairParts(count, all.toReversed()).toReversed();
        for (const [at, part] of parts.entries()) expect(reversed[at]).toBeCloseTo(part, 6);
      }),
    );
  });
});
