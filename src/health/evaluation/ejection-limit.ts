import { atMostSuspect, type HealthState } from './health-state.js';

/** How many of one model's workers one prober has made unhealthy within an interval. */
export interface RecentEjections {
  readonly sinceMs: number;
  readonly count: number;
}

export const NO_EJECTIONS: RecentEjections = { sinceMs: -Infinity, count: 0 };

/** As Envoy's max_ejection_percent, for one prober and interval. */
export interface EjectionLimit {
  /** Of a model's workers, 0 to 1; one is always allowed. */
  readonly share: number;
  readonly intervalMs: number;
}

/**
 * Whether a prober may make one more worker unhealthy. A prober whose own network fails sees all workers fail.
 * @param workers of the model
 */
export function tryEject(
  before: RecentEjections,
  workers: number,
  { share, intervalMs }: EjectionLimit,
  nowMs: number,
): { readonly isAllowed: boolean; readonly after: RecentEjections } {
  const current = nowMs - before.sinceMs < intervalMs ? before : { sinceMs: nowMs, count: 0 };
  const isAllowed = current.count < Math.max(1, Math.floor(share * workers));
  const after = isAllowed ? { ...current, count: current.count + 1 } : current;
  return { isAllowed, after };
}

/**
 * The verdict within the limit. The limit doubts the prober, not the check, so it also holds for a check that the owner
 * wrote, until another prober or the next interval confirms.
 */
export function limitEjection(
  recent: RecentEjections,
  before: HealthState,
  judged: HealthState,
  workers: number,
  limit: EjectionLimit,
  nowMs: number,
): { readonly state: HealthState; readonly recent: RecentEjections } {
  if (judged.health !== 'unhealthy' || before.health === 'unhealthy') return { state: judged, recent };
  const { isAllowed, after } = tryEject(recent, workers, limit, nowMs);
  return { state: isAllowed ? judged : atMostSuspect(before, judged, nowMs), recent: after };
}
