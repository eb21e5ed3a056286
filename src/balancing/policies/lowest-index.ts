/** The index of the lowest cost, any of them when several are equal, or the first in the list would get everything. */
export function lowestIndex<T>(
  items: readonly T[],
  costOf: (item: T) => number,
  random: () => number,
): number {
  let lowest = Infinity;
  let index = 0;
  let ties = 0;
  let at = -1;
  for (const item of items) {
    at += 1;
    const cost = costOf(item);
    if (cost > lowest) continue;
    ties = cost < lowest ? 1 : ties + 1;
    lowest = cost;
    // Each of n equals is kept with probability 1/n.
    if (ties === 1 || random() * ties < 1) index = at;
  }
  return index;
}
