import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { median, quantile, ratios, rotated, spread } from './statistics.js';

const figures = fc.array(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 });

describe('median', () => {
  it('has as many values below it as above it', () => {
    fc.assert(
      fc.property(figures, (values) => {
        const middle = median(values);
        const below = values.filter((value) => value < middle).length;
        const above = values.filter((value) => value > middle).length;
        expect(Math.max(below, above)).toBeLessThanOrEqual(values.length / 2);
      }),
    );
  });

  it('does not depend on the order and does not change it', () => {
    const values = [3, 1, 2, 10];
    expect(median(values)).toBe(2.5);
    expect(median(values.toReversed())).toBe(2.5);
    expect(values).toEqual([3, 1, 2, 10]);
  });

  it('is not moved by one outlier', () => {
    expect(median([10, 11, 12, 13, 1e9])).toBe(12);
  });

  it('is NaN for an empty list', () => {
    expect(median([])).toBeNaN();
  });
});

describe('quantile', () => {
  it('is the smallest value that the given share does not exceed', () => {
    fc.assert(
      fc.property(figures, fc.double({ min: 0.001, max: 1, noNaN: true }), (values, share) => {
        const found = quantile(values, share);
        expect(values).toContain(found);
        const within = values.filter((value) => value <= found).length;
        const below = values.filter((value) => value < found).length;
        expect(within).toBeGreaterThanOrEqual(values.length * share);
        expect(below).toBeLessThan(values.length * share);
      }),
    );
  });

  it('is the 99th of a hundred values for 0.99', () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(quantile(values, 0.5)).toBe(50);
    expect(quantile(values, 0.99)).toBe(99);
    expect(quantile(values, 1)).toBe(100);
  });
});

describe('ratios', () => {
  it('are not affected by a disturbance of both values of a pair', () => {
    const quiet = [10, 20, 10, 30];
    const doubled = quiet.map((value) => value * 2);
    expect(ratios(doubled, quiet)).toEqual({ median: 2, from: 2, to: 2 });
  });

  it('reject lists of different lengths', () => {
    expect(() => ratios([1, 2], [1])).toThrow('2 values cannot be paired with 1');
  });
});

describe('spread', () => {
  it('contains its median and at least half of the values', () => {
    fc.assert(
      fc.property(figures, (values) => {
        const { from, median: middle, to } = spread(values);
        expect(from).toBeLessThanOrEqual(middle);
        expect(middle).toBeLessThanOrEqual(to);
        const within = values.filter((value) => value >= from && value <= to).length;
        expect(within).toBeGreaterThanOrEqual(values.length / 2);
      }),
    );
  });
});

describe('rotated', () => {
  it('puts each item first equally often and loses none', () => {
    const items = ['a', 'b', 'c'];
    const orders = [0, 1, 2].map((round) => rotated(items, round));
    expect(orders.map(([first]) => first)).toEqual(items);
    for (const order of orders) expect(order.toSorted()).toEqual(items);
    expect(rotated(items, 4)).toEqual(['b', 'c', 'a']);
  });
});
