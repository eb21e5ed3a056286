import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addCounts, addFirstToken, FIRST_TOKEN_BUCKETS, noFirstTokens, quantileMs } from './first-tokens.js';

const countsOf = (times: readonly number[]) => {
  const counts = noFirstTokens();
  for (const seconds of times) addFirstToken(counts, seconds);
  return counts;
};
const times = fc.array(fc.double({ min: 0.001, max: 250, noNaN: true }), { minLength: 1 });
const share = fc.constantFrom(0.5, 0.95, 1);

describe('times to the first token', () => {
  it('have no quantile where there are none, and the highest bound above all buckets', () => {
    expect(quantileMs(noFirstTokens(), 0.5)).toBeNull();
    expect(quantileMs(countsOf([900, 900]), 0.5)).toBe(300_000);
  });

  it('have a quantile in the bucket of the exact one', () => {
    fc.assert(
      fc.property(times, share, (given, part) => {
        const exact = given.toSorted((a, b) => a - b)[Math.ceil(part * given.length) - 1] ?? 0;
        const at = FIRST_TOKEN_BUCKETS.findIndex((bound) => exact <= bound);
        const ms = quantileMs(countsOf(given), part) ?? NaN;
        expect(ms).toBeGreaterThanOrEqual(Math.floor(1000 * (FIRST_TOKEN_BUCKETS[at - 1] ?? 0)));
        expect(ms).toBeLessThanOrEqual(1000 * (FIRST_TOKEN_BUCKETS[at] ?? 0));
      }),
    );
  });

  it('of several replicas add up to those of one that served all', () => {
    fc.assert(
      fc.property(times, times, share, (one, other, part) => {
        const sum = countsOf(one);
        addCounts(sum, countsOf(other));
        expect(quantileMs(sum, part)).toBe(quantileMs(countsOf([...one, ...other]), part));
      }),
    );
  });
});
