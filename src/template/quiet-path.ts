import type { Step } from './json-path.js';

/**
 * The value at a path, or undefined: for the events of a stream, most of which lack most values. It follows own keys of
 * objects and elements of lists only, like `follow`, which also reports why there is no value.
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
