/** What one replica needs of a model. */
export interface ReplicaDemand {
  readonly replicaId: string;
  /** Slots that its running and waiting requests could use, 0 or more; need not be whole. */
  readonly slots: number;
}

/** Of the slots that no request needs, this share is divided evenly; the rest goes where most requests are. */
const EVEN_SHARE_OF_SPARE = 0.25;

/**
 * Divides the slots of a model among the replicas that take new requests. Too few: by demand. Enough: each has its demand and a share
 * of the spare ones. Each has one at least, while there are as many. The parts are whole and add up to `slots`; the order of the
 * demands changes nothing.
 * @returns replica id → slots
 */
export function splitSlots(slots: number, demands: readonly ReplicaDemand[]): ReadonlyMap<string, number> {
  const all = demands.toSorted((one, other) => (one.replicaId < other.replicaId ? -1 : 1));
  const wanted = all.map((demand) => Math.max(1, demand.slots));
  const sum = wanted.reduce((total, its) => total + its, 0);
  const spare = slots - sum;
  const isEnough = slots >= all.length;
  const parts = wanted.map((its) => {
    if (spare >= 0)
      return its + spare * (EVEN_SHARE_OF_SPARE / all.length + ((1 - EVEN_SHARE_OF_SPARE) * its) / sum);
    // Each has its first slot; the others are divided by what is needed beyond it.
    return isEnough ? 1 + ((slots - all.length) * (its - 1)) / (sum - all.length) : its;
  });
  // Where each has one, that one is not subject to rounding.
  const first = isEnough ? 1 : 0;
  const beyond = apportion(
    slots - first * all.length,
    parts.map((part) => part - first),
  );
  return new Map(all.map(({ replicaId }, at) => [replicaId, first + (beyond[at] ?? 0)]));
}

/**
 * Divides `count` in proportion to the weights, by largest remainder; ties go to the first. Where `count` is no more than the sum of
 * whole weights, none gets more than its weight.
 */
export function apportion(count: number, weights: readonly number[]): readonly number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (count <= 0 || sum <= 0) return weights.map(() => 0);
  const exact = weights.map((weight) => (count * weight) / sum);
  const parts = exact.map((part) => Math.floor(part));
  const left = count - parts.reduce((total, part) => total + part, 0);
  const byRemainder = exact
    .map((part, at) => ({ at, remainder: part - Math.floor(part) }))
    .toSorted((one, other) => other.remainder - one.remainder || one.at - other.at);
  for (const { at } of byRemainder.slice(0, left)) parts[at] = (parts[at] ?? 0) + 1;
  return parts;
}
