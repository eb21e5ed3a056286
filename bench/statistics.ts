/** The middle value; for an even count the mean of the two in the middle. NaN for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const upper = sorted[sorted.length >> 1] ?? NaN;
  const lower = sorted[(sorted.length - 1) >> 1] ?? NaN;
  return (lower + upper) / 2;
}

/**
 * The smallest of the values that at least `share` of them do not exceed (nearest rank). NaN for an empty list.
 * @param share above 0, at most 1
 */
export function quantile(values: readonly number[], share: number): number {
  return ascending(values)[Math.ceil(values.length * share) - 1] ?? NaN;
}

/** The median and the quartiles around it. */
export interface Spread {
  readonly median: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The ratios of `a` to `b`, pair by pair. A disturbance of a shared machine that outlasts a round affects both of a pair,
 * so the median of the ratios is steadier than the ratio of the medians.
 */
export function ratios(a: readonly number[], b: readonly number[]): Spread {
  if (a.length !== b.length) throw new RangeError(`${a.length} values cannot be paired with ${b.length}`);
  return spread(a.map((value, index) => value / (b[index] ?? NaN)));
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), from: quantile(values, 0.25), to: quantile(values, 0.75) };
}

/** The items rotated by the round, so that none is always first: `[a, b, c]`, `[b, c, a]`, `[c, a, b]`, `[a, b, c]` … */
export function rotated<T>(items: readonly T[], round: number): readonly T[] {
  const start = round % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

function ascending(values: readonly number[]): readonly number[] {
  return values.toSorted((a, b) => a - b);
}
