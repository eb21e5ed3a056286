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
    if (ties === 1) index = at;
    lowest = cost;
  }
  return ties <= 1 ? index : nthOf(items, costOf, lowest, Math.floor(random() * ties), index);
}

function nthOf<T>(
  items: readonly T[],
  costOf: (item: T) => number,
  cost: number,
  nth: number,
  from: number,
): number {
  let left = nth;
  for (let at = from; at < items.length; at++) {
    const item = items[at];
    if (item === undefined || costOf(item) !== cost) continue;
    if (left === 0) return at;
    left -= 1;
  }
  return from;
}
