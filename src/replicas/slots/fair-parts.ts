/** What one tenant needs of a model's slots, and its weight. */
export interface Want {
  /** Slots that its requests could use, 0 or more; need not be whole. */
  readonly slots: number;
  /** 1 to 1000. */
  readonly weight: number;
}

/**
 * Divides slots by weighted max-min: no tenant gets more than it wants, and those that get less have the same for their weight.
 * The parts need not be whole; they add up to the lesser of `slots` and all wants.
 * @returns in the order of `wants`
 */
export function fairParts(slots: number, wants: readonly Want[]): readonly number[] {
  const parts = wants.map(() => 0);
  // Those that want least for their weight are served first; the others share what is left.
  const order = wants
    .map((want, at) => ({ ...want, at }))
    .toSorted((one, other) => one.slots / one.weight - other.slots / other.weight);
  let left = Math.max(0, slots);
  let weights = order.reduce((sum, { weight }) => sum + weight, 0);
  for (const { slots: wanted, weight, at } of order) {
    const part = Math.min(wanted, (left * weight) / weights);
    parts[at] = part;
    left -= part;
    weights -= weight;
  }
  return parts;
}
