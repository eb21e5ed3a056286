/** The live replicas, as this one knows them. */
export interface ReplicaMembership {
  /** Sorted; this one is among them. */
  readonly ids: readonly string[];
  /** The database does not answer. Replicas that were silent meanwhile are not dead. */
  readonly isInterrupted: boolean;
  /** Until then nobody is missed who was there before the interruption. */
  readonly missNobodyUntilMs: number;
}

export const aloneAs = (id: string): ReplicaMembership => ({
  ids: [id],
  isInterrupted: false,
  missNobodyUntilMs: -Infinity,
});

/** While the database is away, the last known membership holds. */
export function afterInterruption(before: ReplicaMembership): ReplicaMembership {
  return before.isInterrupted ? before : { ...before, isInterrupted: true };
}

/**
 * @param seen ids of those that showed themselves of late
 * @param patienceMs in which all that live have shown themselves after an interruption
 */
export function afterLook(
  before: ReplicaMembership,
  seen: readonly string[],
  nowMs: number,
  patienceMs: number,
): ReplicaMembership {
  const missNobodyUntilMs = before.isInterrupted ? nowMs + patienceMs : before.missNobodyUntilMs;
  const ids = nowMs < missNobodyUntilMs ? new Set([...before.ids, ...seen]) : new Set(seen);
  return { ids: [...ids].toSorted(), isInterrupted: false, missNobodyUntilMs };
}

export function areSame(one: ReplicaMembership, other: ReplicaMembership): boolean {
  return one.ids.length === other.ids.length && one.ids.every((id, at) => id === other.ids[at]);
}
