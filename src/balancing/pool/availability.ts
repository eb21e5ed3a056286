import type { PooledWorker } from './pooled-worker.js';

/**
 * Those a request may be lent to now: wanted by people, well, in use, not busy, with room, not tried yet, of the lowest
 * priority number there is. Suspects only when there is nobody better.
 */
export function usableWorkers(
  all: readonly PooledWorker[],
  tried: ReadonlySet<string>,
  nowMs: number,
): readonly PooledWorker[] {
  const open = all.filter(isAvailable);
  // One lone worker is never made unreachable by 429s.
  const [lone] = open.length === 1 ? open : [];
  const free = open.filter(
    (standing) =>
      standing.hasCapacity && !tried.has(standing.id) && (standing === lone || !standing.isThrottled(nowMs)),
  );
  const trusted = free.filter((standing) => standing.isTrusted(nowMs));
  return firstTier(trusted.length > 0 ? trusted : free);
}

/** Those put aside whose time is up, as far as they are of no later tier than those in use. */
export function workersAwaitingTrial(
  all: readonly PooledWorker[],
  usable: readonly PooledWorker[],
  nowMs: number,
): readonly PooledWorker[] {
  const tier = usable[0]?.member.priority ?? Infinity;
  return all.filter(
    (standing) =>
      standing.isEligible &&
      standing.awaitsTrial(nowMs) &&
      standing.member.priority <= tier &&
      !standing.isThrottled(nowMs) &&
      standing.hasCapacity,
  );
}

/** Whether waiting may help: until one of those running is done, a slot was leased, or a trial has ended well. */
export function isAtCapacity(
  all: readonly PooledWorker[],
  tried: ReadonlySet<string>,
  nowMs: number,
): boolean {
  return all.some(
    (standing) =>
      standing.isEligible &&
      !tried.has(standing.id) &&
      !standing.isThrottled(nowMs) &&
      (standing.isOnTrial(nowMs) ||
        (!standing.hasCapacity && (standing.isInRotation || standing.awaitsTrial(nowMs)))),
  );
}

/** When the first of those that only time keeps away may be asked again; `null`: time alone won't help. */
export function retryInMs(all: readonly PooledWorker[], nowMs: number): number | null {
  const times = all
    .filter(({ isEligible: isWanted }) => isWanted)
    .map(
      ({ stats: { circuit, throttledUntilMs: busyUntilMs } }) =>
        Math.max(circuit.untilMs, busyUntilMs) - nowMs,
    )
    .filter((inMs) => inMs > 0);
  return times.length === 0 ? null : Math.min(...times);
}

export function isAvailable(standing: PooledWorker): boolean {
  return standing.isEligible && standing.isInRotation;
}

function firstTier(free: readonly PooledWorker[]): readonly PooledWorker[] {
  let lowest = Infinity;
  let highest = -Infinity;
  for (const { member } of free) {
    lowest = Math.min(lowest, member.priority);
    highest = Math.max(highest, member.priority);
  }
  return lowest === highest ? free : free.filter(({ member }) => member.priority === lowest);
}
