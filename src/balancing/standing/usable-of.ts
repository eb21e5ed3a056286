import type { Standing } from './standing.js';

/**
 * Those a request may be lent to now: wanted by people, well, in use, not busy, with room, not tried yet, of the lowest
 * priority number there is. Suspects only when there is nobody better.
 */
export function usableOf(
  all: readonly Standing[],
  tried: ReadonlySet<string>,
  nowMs: number,
): readonly Standing[] {
  const open = all.filter(isOpen);
  // One lone worker is never made unreachable by 429s.
  const [lone] = open.length === 1 ? open : [];
  const free = open.filter(
    (standing) =>
      standing.hasRoom && !tried.has(standing.id) && (standing === lone || !standing.isBusy(nowMs)),
  );
  const trusted = free.filter((standing) => standing.isTrusted(nowMs));
  return firstTier(trusted.length > 0 ? trusted : free);
}

/** Those put aside whose time is up, as far as they are of no later tier than those in use. */
export function awaitingTrial(
  all: readonly Standing[],
  usable: readonly Standing[],
  nowMs: number,
): readonly Standing[] {
  const tier = usable[0]?.member.priority ?? Infinity;
  return all.filter(
    (standing) =>
      standing.isWanted &&
      standing.awaitsTrial(nowMs) &&
      standing.member.priority <= tier &&
      !standing.isBusy(nowMs) &&
      standing.hasRoom,
  );
}

/** Whether waiting may help: until one of those running is done, a slot was leased, or a trial has ended well. */
export function isOnlyFull(all: readonly Standing[], tried: ReadonlySet<string>, nowMs: number): boolean {
  return all.some(
    (standing) =>
      standing.isWanted &&
      !tried.has(standing.id) &&
      !standing.isBusy(nowMs) &&
      (standing.isOnTrial(nowMs) || (!standing.hasRoom && (standing.isInUse || standing.awaitsTrial(nowMs)))),
  );
}

/** When the first of those that only time keeps away may be asked again; `null`: time alone won't help. */
export function backInMs(all: readonly Standing[], nowMs: number): number | null {
  const times = all
    .filter(({ isWanted }) => isWanted)
    .map(({ experience: { circuit, busyUntilMs } }) => Math.max(circuit.untilMs, busyUntilMs) - nowMs)
    .filter((inMs) => inMs > 0);
  return times.length === 0 ? null : Math.min(...times);
}

export function isOpen(standing: Standing): boolean {
  return standing.isWanted && standing.isInUse;
}

function firstTier(free: readonly Standing[]): readonly Standing[] {
  let lowest = Infinity;
  let highest = -Infinity;
  for (const { member } of free) {
    lowest = Math.min(lowest, member.priority);
    highest = Math.max(highest, member.priority);
  }
  return lowest === highest ? free : free.filter(({ member }) => member.priority === lowest);
}
