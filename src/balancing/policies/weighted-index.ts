/** An index by chance in proportion to the shares (0 or more); -1 when all are 0. */
export function weightedIndex<T>(
  items: readonly T[],
  shareOf: (item: T) => number,
  random: () => number,
): number {
  let total = 0;
  for (const item of items) total += shareOf(item);
  if (total === 0) return -1;
  let left = random() * total;
  let last = -1;
  let at = -1;
  for (const item of items) {
    at += 1;
    const share = shareOf(item);
    if (share === 0) continue;
    last = at;
    left -= share;
    if (left < 0) return at;
  }
  // Rounding can leave a hair's breadth.
  return last;
}
