import type { Policy } from './policy.js';

/** Where the next turn falls on the line on which each candidate has as many places as its weight. */
export interface Turn {
  readonly place: number;
  /** The length of the line the step was made for. */
  readonly places: number;
  readonly step: number;
}

/** Places for each unit of weight when a weight is a fraction. */
const FINER = 10;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Smooth weighted round robin. Turns walk the line in steps near the golden section, so the turns of a heavy worker are
 * spread out; the step shares no divisor with the line, so a full round gives each worker exactly its weight.
 */
export const roundRobin: Policy<Turn> = {
  start: { place: 0, places: 1, step: 0 },
  pick(candidates, { place, places: placesBefore, step: stepBefore }) {
    const scale = candidates.every(({ weight }) => Number.isInteger(weight)) ? 1 : FINER;
    let places = 0;
    for (const { weight } of candidates) places += placesOf(weight, scale);
    const step = places === placesBefore ? stepBefore : stepFor(places);
    let left = place % places;
    const memory = { place: (left + step) % places, places, step };
    let index = 0;
    for (const { weight } of candidates) {
      left -= placesOf(weight, scale);
      if (left < 0) break;
      index += 1;
    }
    return { index, memory };
  },
};

function placesOf(weight: number, scale: number): number {
  return Math.max(1, Math.round(weight * scale));
}

function stepFor(places: number): number {
  let step = Math.round(places * GOLDEN);
  while (greatestCommonDivisor(step, places) > 1) step -= 1;
  return step;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
