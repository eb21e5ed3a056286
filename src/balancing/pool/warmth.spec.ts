import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concurrencyShare } from '../model-pool.js';
import { warmedCap, warmedWeight, warmthAt } from './warmth.js';

const warmth = fc.double({ min: 0, max: 1, noNaN: true });

describe('warming', () => {
  it('never takes back what it gave: cap and weight only grow, from 1 and a tenth to all', () => {
    fc.assert(
      fc.property(warmth, warmth, fc.integer({ min: 1, max: 1000 }), (one, other, full) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        expect(warmedCap(full, less)).toBeLessThanOrEqual(warmedCap(full, more));
        expect(warmedWeight(full, less)).toBeLessThanOrEqual(warmedWeight(full, more));
        expect([warmedCap(full, 0), warmedCap(full, 1)]).toEqual([1, full]);
        expect(warmedWeight(full, 0)).toBeCloseTo(full / 10);
        expect(warmedWeight(full, 1)).toBeCloseTo(full);
      }),
    );
  });

  it('is over after its time, and at once where there is none', () => {
    expect([0, 15_000, 30_000, 90_000].map((at) => warmthAt(0, at, 30_000))).toEqual([0, 0.5, 1, 1]);
    expect(warmthAt(0, 0, 0)).toBe(1);
  });

  it('makes no room where there is none', () => {
    expect(warmedCap(0, 0)).toBe(0);
  });
});

describe('the share of a cap', () => {
  it('adds up to the cap over all replicas, and differs by one at most', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 1000 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat({ max: 2 ** 32 - 1 }),
        (cap, replicas, hash) => {
          const shares = Array.from({ length: replicas }, (_, rank) =>
            concurrencyShare(cap, replicas, rank, hash),
          );
          expect(shares.reduce((sum, share) => sum + share, 0)).toBe(cap);
          expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});
