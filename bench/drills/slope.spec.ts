import { describe, expect, it } from 'vitest';
import { growthOf, slopeOf } from './slope.js';

const readings = (value: (at: number) => number, count = 100) =>
  Array.from({ length: count }, (_, at) => ({ atS: at * 10, value: value(at) }));

describe('slopeOf', () => {
  it('is the slope of a line', () => {
    expect(slopeOf(readings((at) => 5 + 20 * at))).toBeCloseTo(2);
  });

  it('is not moved by a quarter of outliers', () => {
    expect(slopeOf(readings((at) => (at % 5 === 0 ? 10_000 : at)))).toBeCloseTo(0.1, 1);
  });
});

describe('growthOf', () => {
  it('finds a leak under a saw-tooth that is ten times as high', () => {
    expect(
      growthOf(
        readings((at) => 1_000 + at + (at % 7) * 150),
        0.1,
        10,
      ).isFlat,
    ).toBe(false);
  });

  it('calls a saw-tooth flat', () => {
    expect(
      growthOf(
        readings((at) => 1_000 + (at % 7) * 150),
        0.1,
        10,
      ).isFlat,
    ).toBe(true);
  });

  it('calls a growth below the least one flat', () => {
    expect(
      growthOf(
        readings((at) => 10 + at / 50),
        0.1,
        5,
      ).isFlat,
    ).toBe(true);
  });
});
