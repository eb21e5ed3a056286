import type { PooledWorker } from './pooled-worker.js';

/**
 * The workers that a request may be sent to now: available, not throttled, with capacity, not tried yet, and of the
 * lowest priority number there is. Suspect ones only when there is none better.
 */
export function usableWorkers(
  all: readonly PooledWorker[],
  tried: ReadonlySet<string>,
  nowMs: number,
): readonly PooledWorker[] {
  const available = all.filter((worker) => worker.isAvailable);
  // A lone worker is never made unreachable by 429s.
  const [lone] = available.length === 1 ? available : [];
  const free = available.filter(
    (worker) =>
      worker.hasCapacity && !tried.has(worker.id) && (worker === lone || !worker.isThrottled(nowMs)),
  );
  const trusted = free.filter((worker) => worker.isTrusted(nowMs));
  return firstTier(trusted.length > 0 ? trusted : free);
}

/** The ejected workers that may have a trial now, unless they are of a later tier than the usable ones. */
export function workersAwaitingTrial(
  all: readonly PooledWorker[],
  usable: readonly PooledWorker[],
  nowMs: number,
): readonly PooledWorker[] {
  const tier = usable[0]?.member.priority ?? Infinity;
  return all.filter(
    (worker) =>
      worker.isEligible &&
      worker.awaitsTrial(nowMs) &&
      worker.member.priority <= tier &&
      !worker.isThrottled(nowMs) &&
      worker.hasCapacity,
  );
}

/** Whether waiting may help: until a running request ends, a slot is leased, or a trial ends well. */
export function isAtCapacity(
  all: readonly PooledWorker[],
  tried: ReadonlySet<string>,
  nowMs: number,
): boolean {
  return all.some(
    (worker) =>
      worker.isEligible &&
      !tried.has(worker.id) &&
      !worker.isThrottled(nowMs) &&
      (worker.isOnTrial(nowMs) ||
        (!worker.hasCapacity && (worker.isInRotation || worker.awaitsTrial(nowMs)))),
  );
}

/** When the first worker that only time keeps away may be used again; `null`: time alone does not help. */
export function retryInMs(all: readonly PooledWorker[], nowMs: number): number | null {
  let earliest = Infinity;
  for (const { isEligible, stats } of all) {
    const inMs = Math.max(stats.circuit.untilMs, stats.throttledUntilMs) - nowMs;
    if (isEligible && inMs > 0) earliest = Math.min(earliest, inMs);
  }
  return earliest === Infinity ? null : earliest;
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
