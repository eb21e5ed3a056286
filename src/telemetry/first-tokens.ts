/** Seconds, up to the default of FIRST_BYTE_TIMEOUT_MS. */
export const FIRST_TOKEN_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Times to the first token, counted by bucket; the last one is all above. Sums of replicas stay right. */
export type FirstTokens = number[];

export function noFirstTokens(): FirstTokens {
  return Array.from({ length: FIRST_TOKEN_BUCKETS.length + 1 }, () => 0);
}

export function addFirstToken(counts: FirstTokens, seconds: number): void {
  let at = 0;
  while (at < FIRST_TOKEN_BUCKETS.length && seconds > (FIRST_TOKEN_BUCKETS[at] ?? Infinity)) at++;
  counts[at] = (counts[at] ?? 0) + 1;
}

export function addCounts(sums: FirstTokens, more: readonly number[]): void {
  for (let at = 0; at < sums.length; at++) sums[at] = (sums[at] ?? 0) + (more[at] ?? 0);
}

/**
 * The quantile in milliseconds, evenly spread within its bucket, as Prometheus' histogram_quantile does; of what is above all
 * buckets, the highest bound. `null`: nothing was counted.
 */
export function quantileMs(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = share * total;
  let below = 0;
  for (const [at, upTo] of FIRST_TOKEN_BUCKETS.entries()) {
    const count = counts[at] ?? 0;
    if (count > 0 && below + count >= rank) {
      const from = FIRST_TOKEN_BUCKETS[at - 1] ?? 0;
      return Math.round(1000 * (from + ((upTo - from) * (rank - below)) / count));
    }
    below += count;
  }
  return 1000 * (FIRST_TOKEN_BUCKETS.at(-1) ?? 0);
}
