import { atMostSuspect, type HealthState } from './health-state.js';

/** What one prober has taken down of one model's workers within an interval. */
export interface RecentEjections {
  readonly sinceMs: number;
  readonly takenDown: number;
}

export const NO_EJECTIONS: RecentEjections = { sinceMs: -Infinity, takenDown: 0 };

export interface EjectionLimit {
  /** Of a model's workers, 0 to 1; one is always allowed. */
  readonly share: number;
  readonly intervalMs: number;
}

/**
 * Whether a prober may take one more down: one whose own network is gone sees everybody dead.
 * @param workers of the model
 */
export function tryEject(
  before: RecentEjections,
  workers: number,
  { share, intervalMs }: EjectionLimit,
  nowMs: number,
): { readonly isAllowed: boolean; readonly after: RecentEjections } {
  const current = nowMs - before.sinceMs < intervalMs ? before : { sinceMs: nowMs, takenDown: 0 };
  const isAllowed = current.takenDown < Math.max(1, Math.floor(share * workers));
  const after = isAllowed ? { ...current, takenDown: current.takenDown + 1 } : current;
  return { isAllowed, after };
}

/**
 * The verdict as far as the brake lets it through. It doubts the prober, not the check, so it holds for a check that
 * its owner wrote as well: that one's word is obeyed when it is confirmed.
 */
export function limitEjection(
  brake: RecentEjections,
  before: HealthState,
  judged: HealthState,
  workers: number,
  limits: EjectionLimit,
  nowMs: number,
): { readonly state: HealthState; readonly brake: RecentEjections } {
  if (judged.health !== 'unhealthy' || before.health === 'unhealthy') return { state: judged, brake };
  const { isAllowed, after } = tryEject(brake, workers, limits, nowMs);
  return { state: isAllowed ? judged : atMostSuspect(before, judged, nowMs), brake: after };
}
