/** What one replica needs of a model. */
export interface ReplicaDemand {
  readonly replicaId: string;
  /** Slots that its running and waiting requests could use, 0 or more; need not be whole. */
  readonly slots: number;
}

/** Of the slots that no request needs, this share is divided evenly; the rest goes where most requests are. */
const EVEN_SHARE_OF_SPARE = 0.25;
/**
 * With fewer slots for each replica than this, a replica that needs none keeps none while others need more than there are. Simulated,
 * all callers at one of three replicas: 6 slots are 100 % in use instead of 67 %, 4 instead of 50 %, 3 instead of 33 %.
 */
const FEW = 3;

/**
 * Divides the slots of a model among the replicas that take new requests. Too few: by demand. Enough: each has its demand and a share
 * of the spare ones. Each has one at least, while there are as many; where there are few, each that needs any. The parts are whole and add up to `slots`; the order of the
 * demands changes nothing.
 * @returns replica id → slots
 */
export function splitSlots(slots: number, demands: readonly ReplicaDemand[]): ReadonlyMap<string, number> {
  const all = demands.toSorted((one, other) => (one.replicaId < other.replicaId ? -1 : 1));
  const least = leastOf(slots, all);
  const wanted = all.map((demand, at) => Math.max(least[at] ?? 0, demand.slots));
  const sum = wanted.reduce((total, its) => total + its, 0);
  const spare = slots - sum;
  const firsts = least.reduce((total, one) => total + one, 0);
  const isEnough = slots >= firsts;
  const parts = wanted.map((its, at) => {
    if (spare >= 0)
      return its + spare * (EVEN_SHARE_OF_SPARE / all.length + ((1 - EVEN_SHARE_OF_SPARE) * its) / sum);
    // Each has its first slot; the others are divided by what is needed beyond it.
    const first = least[at] ?? 0;
    return isEnough ? first + ((slots - firsts) * (its - first)) / (sum - firsts) : its;
  });
  // Where each has one, that one is not subject to rounding.
  const fixed = least.map((first) => (isEnough ? first : 0));
  const beyond = apportion(
    isEnough ? slots - firsts : slots,
    parts.map((part, at) => part - (fixed[at] ?? 0)),
  );
  return new Map(all.map(({ replicaId }, at) => [replicaId, (fixed[at] ?? 0) + (beyond[at] ?? 0)]));
}

/** The slot that each replica keeps whatever the others need: 1, or 0. */
function leastOf(slots: number, demands: readonly ReplicaDemand[]): readonly number[] {
  const needed = demands.reduce((total, demand) => total + Math.max(1, demand.slots), 0);
  const isShort =
    slots < FEW * demands.length && slots < needed && demands.some((demand) => demand.slots > 0);
  return demands.map((demand) => (isShort && demand.slots === 0 ? 0 : 1));
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
