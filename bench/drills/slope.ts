import { median } from '../statistics.js';

/** A figure at a time. */
export interface Reading {
  readonly atS: number;
  readonly value: number;
}

/**
 * The slope of Theil and Sen: the median of the slopes between all pairs. A quarter of the readings may be far off without
 * moving it. In units a second; NaN for fewer than two readings.
 */
export function slopeOf(readings: readonly Reading[]): number {
  const slopes = readings.flatMap((one, at) =>
    readings.slice(at + 1).map((other) => (other.value - one.value) / (other.atS - one.atS)),
  );
  return median(slopes);
}

export interface Growth {
  /** By the slope, over the time of the readings. */
  readonly grown: number;
  readonly from: number;
  readonly to: number;
  readonly isFlat: boolean;
}

/**
 * Whether a figure stays where it is. It grows if the slope adds more than `share` of its median over an hour and more than
 * `atLeast` over the time of the readings.
 */
export function growthOf(readings: readonly Reading[], share: number, atLeast: number): Growth {
  const values = readings.map(({ value }) => value);
  const slope = slopeOf(readings);
  const seconds = (readings.at(-1)?.atS ?? 0) - (readings[0]?.atS ?? 0);
  const grown = slope * seconds;
  const isFlat = grown <= atLeast || slope * 3_600 <= share * median(values);
  return { grown, from: Math.min(...values), to: Math.max(...values), isFlat };
}
