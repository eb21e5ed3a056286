import type { Step } from './json-path.js';

/**
 * What stands at a path, or undefined: for answers that come piece by piece, of which most lack most things.
 * Follows own keys of objects and elements of lists only, as `follow` does, which says why there is nothing.
 */
export function valueAt(answer: unknown, steps: readonly Step[]): unknown {
  let value = answer;
  for (const step of steps) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value)) {
      if (typeof step !== 'number') return undefined;
      value = value[step < 0 ? value.length + step : step];
    } else {
      if (typeof step !== 'string' || !Object.hasOwn(value, step)) return undefined;
      value = (value as Readonly<Record<string, unknown>>)[step];
    }
  }
  return value;
}
