import type { Activity } from '../registry/worker-activity.js';

export interface EjectionLimits {
  readonly ejectConnectErrors: number;
  readonly ejectionBaseMs: number;
  readonly ejectionMaxMs: number;
}

type EjectionRecord = Pick<Activity, 'connectErrorsInARow' | 'ejections' | 'ejectedUntilMs'>;

/** ± share of an ejection, so that replicas do not try a worker again in step. */
const JITTER = 0.1;

export const NOT_EJECTED: EjectionRecord = { connectErrorsInARow: 0, ejections: 0, ejectedUntilMs: 0 };

/**
 * A connection could not be made. After `ejectConnectErrors` in a row the worker is put aside for base × 2ⁿ, at most
 * `ejectionMaxMs`; while it has not succeeded since, one more failure is enough. A later deadline never shortens an
 * earlier one. [Envoy's outlier detection, Linkerd's failure accrual]
 */
export function afterConnectError(
  before: EjectionRecord,
  limits: EjectionLimits,
  nowMs: number,
  random: () => number,
): EjectionRecord {
  const connectErrorsInARow = before.connectErrorsInARow + 1;
  const onTrial = before.ejections > 0;
  // Requests that were under way when it was put aside tell nothing new.
  const alreadyAside = before.ejectedUntilMs > nowMs;
  if (alreadyAside || (!onTrial && connectErrorsInARow < limits.ejectConnectErrors)) {
    return { ...before, connectErrorsInARow };
  }
  const jitter = 1 + (random() * 2 - 1) * JITTER;
  const lengthMs = Math.min(limits.ejectionMaxMs, limits.ejectionBaseMs * 2 ** before.ejections * jitter);
  return {
    connectErrorsInARow,
    ejections: before.ejections + 1,
    ejectedUntilMs: Math.max(before.ejectedUntilMs, nowMs + lengthMs),
  };
}

/** Whether it may have another request, as far as this replica's own experience goes: on trial, one at a time. */
export function mayTry(
  activity: Pick<Activity, 'ejectedUntilMs' | 'ejections' | 'inFlight'>,
  nowMs: number,
): boolean {
  if (activity.ejectedUntilMs > nowMs) return false;
  return activity.ejections === 0 || activity.inFlight === 0;
}
