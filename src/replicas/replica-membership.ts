/** The live replicas, as this one knows them. */
export interface ReplicaMembership {
  /** Sorted; includes this replica. */
  readonly ids: readonly string[];
  /** The database does not answer. Replicas without a heartbeat meanwhile do not count as dead. */
  readonly isInterrupted: boolean;
  /** Until then, replicas known before the interruption count as alive even if they are not seen. */
  readonly keepAbsentUntilMs: number;
}

export const aloneAs = (id: string): ReplicaMembership => ({
  ids: [id],
  isInterrupted: false,
  keepAbsentUntilMs: -Infinity,
});

/** While the database is unavailable, the last known membership holds. */
export function afterInterruption(before: ReplicaMembership): ReplicaMembership {
  return before.isInterrupted ? before : { ...before, isInterrupted: true };
}

/**
 * @param seen ids of the replicas with a recent heartbeat
 * @param patienceMs time after an interruption in which every live replica sends a heartbeat
 */
export function afterLook(
  before: ReplicaMembership,
  seen: readonly string[],
  nowMs: number,
  patienceMs: number,
): ReplicaMembership {
  const keepAbsentUntilMs = before.isInterrupted ? nowMs + patienceMs : before.keepAbsentUntilMs;
  const ids = nowMs < keepAbsentUntilMs ? new Set([...before.ids, ...seen]) : new Set(seen);
  return { ids: [...ids].toSorted(), isInterrupted: false, keepAbsentUntilMs };
}

export function areSame(one: ReplicaMembership, other: ReplicaMembership): boolean {
  return one.ids.length === other.ids.length && one.ids.every((id, at) => id === other.ids[at]);
}

/** What the database shows of another live replica to one that joins. */
export interface Witness {
  /** Whether it divides the slots by this replica, too; `null`: its release does not say. */
  readonly knows: boolean | null;
  /** It has a connection to the database: it runs, or is paused. */
  readonly isConnected: boolean;
}

/**
 * Whether no other live replica uses slots as if this one did not exist. One that is paused may do so until it counts as dead, so it is
 * waited for. One of the release before looks within `settleMs`. One without a connection was most likely killed: it gets as long.
 * @param sinceMs time since this replica joined
 */
export function isNoticed(others: readonly Witness[], sinceMs: number, settleMs: number): boolean {
  return others.every(
    ({ knows, isConnected }) => knows === true || ((knows === null || !isConnected) && sinceMs >= settleMs),
  );
}
