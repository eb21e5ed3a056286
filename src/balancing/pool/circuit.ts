import type { StatsLimits } from './stats-limits.js';
import { EMPTY_WINDOW, isBelow, type SuccessWindow, withResult } from './success-window.js';

export type EjectionReason = 'connect_error' | 'failure' | 'credentials';

/**
 * Whether this replica's own requests leave a worker in use: `whole` → `aside` → (its time is up) `trial` → `warming` →
 * `whole`.
 */
export interface Circuit {
  /** Rises with every ejection; what was lent before it tells nothing new afterwards. */
  readonly epoch: number;
  readonly connectErrorsInARow: number;
  readonly failuresInARow: number;
  readonly window: SuccessWindow;
  /** How often it was put aside since it was last whole. */
  readonly ejections: number;
  /** `null`: it is in use. */
  readonly ejectedFor: EjectionReason | null;
  readonly untilMs: number;
  readonly trialRunning: boolean;
  readonly successfulTrials: number;
  readonly warmingSinceMs: number | null;
}

export type Phase = 'whole' | 'aside' | 'trial' | 'warming';

export const CLOSED: Circuit = {
  epoch: 0,
  connectErrorsInARow: 0,
  failuresInARow: 0,
  window: EMPTY_WINDOW,
  ejections: 0,
  ejectedFor: null,
  untilMs: 0,
  trialRunning: false,
  successfulTrials: 0,
  warmingSinceMs: null,
};

/** ± share of an ejection, so that replicas do not try a worker again in step. */
const JITTER = 0.1;

export function phaseOf(circuit: Circuit, nowMs: number, { warmingMs }: StatsLimits): Phase {
  if (circuit.ejectedFor !== null) return nowMs < circuit.untilMs ? 'aside' : 'trial';
  const { warmingSinceMs } = circuit;
  return warmingSinceMs !== null && nowMs < warmingSinceMs + warmingMs ? 'warming' : 'whole';
}

/** One trial at a time. */
export function allowsRequest(circuit: Circuit, nowMs: number): boolean {
  return circuit.ejectedFor === null || (nowMs >= circuit.untilMs && !circuit.trialRunning);
}

export function afterAcquire(circuit: Circuit): Circuit {
  return circuit.ejectedFor === null ? circuit : { ...circuit, trialRunning: true };
}

/** The end of a request that says neither good nor ill of the worker, except that it was reached. */
export function afterContact(before: Circuit): Circuit {
  if (before.connectErrorsInARow === 0 && !before.trialRunning) return before;
  return { ...before, connectErrorsInARow: 0, trialRunning: false };
}

/** The end of a request that says nothing at all. */
export function afterNeutral(before: Circuit): Circuit {
  return before.trialRunning ? { ...before, trialRunning: false } : before;
}

export function afterSuccess(before: Circuit, nowMs: number, limits: StatsLimits): Circuit {
  if (before.ejectedFor !== null) {
    const goodTrials = before.successfulTrials + 1;
    if (goodTrials < limits.trialSuccesses)
      return { ...before, trialRunning: false, successfulTrials: goodTrials };
    return { ...CLOSED, epoch: before.epoch, ejections: before.ejections, warmingSinceMs: nowMs };
  }
  const isWhole = phaseOf(before, nowMs, limits) === 'whole';
  // Spelled out: this is what happens after every good request, and spreading ten fields costs a microsecond.
  return {
    epoch: before.epoch,
    connectErrorsInARow: 0,
    failuresInARow: 0,
    window: withResult(before.window, true, nowMs, limits.successWindowMs),
    ejections: isWhole ? 0 : before.ejections,
    ejectedFor: null,
    untilMs: before.untilMs,
    trialRunning: false,
    successfulTrials: 0,
    warmingSinceMs: isWhole ? null : before.warmingSinceMs,
  };
}

/**
 * @param isAlone no other worker of its model is in use: then its ejections do not double, or a fleet that was down for
 * five minutes would be left alone for five more
 */
export function afterFailure(
  before: Circuit,
  reason: EjectionReason,
  isAlone: boolean,
  nowMs: number,
  random: () => number,
  limits: StatsLimits,
): Circuit {
  const seen: Circuit = {
    ...before,
    connectErrorsInARow: reason === 'connect_error' ? before.connectErrorsInARow + 1 : 0,
    failuresInARow: before.failuresInARow + 1,
    window: withResult(before.window, false, nowMs, limits.successWindowMs),
  };
  const isEnough = reason === 'credentials' || shouldEject(seen, phaseOf(before, nowMs, limits), limits);
  if (!isEnough) return seen;
  return ejected(seen, reason, isAlone ? 0 : seen.ejections, nowMs, random, limits);
}

/**
 * Probes saw it down and see it up again. A good probe clears nothing that requests caused; but one that could not be
 * reached, and now can be, need not wait for its trial.
 */
export function afterRecovery(before: Circuit, nowMs: number): Circuit {
  if (before.ejectedFor !== 'connect_error' || before.untilMs <= nowMs) return before;
  return { ...before, untilMs: nowMs };
}

/** One that has not proven itself since its last ejection has half the credit. */
function shouldEject(seen: Circuit, phase: Phase, limits: StatsLimits): boolean {
  if (phase === 'aside' || phase === 'trial') return true;
  const credit = phase === 'warming' ? 0.5 : 1;
  return (
    seen.connectErrorsInARow >= limits.connectErrorsInARow * credit ||
    seen.failuresInARow >= limits.failuresInARow * credit ||
    isBelow(seen.window, limits.successShare, limits.successSamples)
  );
}

/** Base × 2ⁿ, jitter and all at most `ejectionMaxMs`; a later deadline never shortens an earlier one. */
function ejected(
  before: Circuit,
  reason: EjectionReason,
  doublings: number,
  nowMs: number,
  random: () => number,
  { ejectionBaseMs, ejectionMaxMs }: StatsLimits,
): Circuit {
  const lengthMs = Math.min(ejectionMaxMs / (1 + JITTER), ejectionBaseMs * 2 ** doublings);
  const jittered = lengthMs * (1 + JITTER * (2 * random() - 1));
  return {
    ...CLOSED,
    epoch: before.epoch + 1,
    ejections: Math.max(before.ejections, doublings + 1),
    ejectedFor: reason,
    untilMs: Math.max(before.untilMs, nowMs + jittered),
  };
}
