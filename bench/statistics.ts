/** The middle value; of an even count the mean of the two in the middle. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const upper = sorted[sorted.length >> 1] ?? NaN;
  const lower = sorted[(sorted.length - 1) >> 1] ?? NaN;
  return (lower + upper) / 2;
}

/**
 * The smallest of the values that at least `share` of them do not exceed (nearest rank). NaN of nothing.
 * @param share above 0, at most 1
 */
export function quantile(values: readonly number[], share: number): number {
  return ascending(values)[Math.ceil(values.length * share) - 1] ?? NaN;
}

/** The middle, and between what the half around it lies. */
export interface Spread {
  readonly median: number;
  readonly from: number;
  readonly to: number;
}

/**
 * How many times `b` each `a` is, pair by pair: what disturbs a shared machine for longer than a round disturbs both of
 * a pair, so the median of the ratios is steadier than the ratio of the medians.
 */
export function ratios(a: readonly number[], b: readonly number[]): Spread {
  if (a.length !== b.length) throw new RangeError(`${a.length} values cannot be paired with ${b.length}`);
  return spread(a.map((value, index) => value / (b[index] ?? NaN)));
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), from: quantile(values, 0.25), to: quantile(values, 0.75) };
}

/** Every start in turn, so that nothing is always first: `[a, b, c]`, `[b, c, a]`, `[c, a, b]`, `[a, b, c]` … */
export function rotated<T>(items: readonly T[], round: number): readonly T[] {
  const start = round % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

function ascending(values: readonly number[]): readonly number[] {
  return values.toSorted((a, b) => a - b);
}
