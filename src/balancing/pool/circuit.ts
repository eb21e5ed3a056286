import type { StatsLimits } from '../../config/balancing-settings.js';

/** `failure` and `access_denied` come from answers that a prompt can cause, the other two do not. */
export type EjectionReason = 'connect_error' | 'credentials' | 'failure' | 'access_denied';

/**
 * A circuit breaker: whether this replica's own requests leave a worker in rotation.
 * `closed` → `open` (ejected) → `half_open` (its time is up: one trial at a time) → `warming` → `closed`.
 */
export interface Circuit {
  /** Rises with every ejection and recovery. The end of a request that began in an older epoch is ignored. */
  readonly epoch: number;
  readonly connectErrorsInARow: number;
  readonly failuresInARow: number;
  readonly window: SuccessWindow;
  /** Ejections since the circuit was last closed. */
  readonly ejections: number;
  /** `null`: the worker is in rotation. */
  readonly ejectedFor: EjectionReason | null;
  readonly untilMs: number;
  /** When it was ejected first, without having been in rotation since. */
  readonly ejectedSinceMs: number;
  readonly trialRunning: boolean;
  readonly successfulTrials: number;
  /** Successes since the worker came back; `WARM_SUCCESSES` and it is warm. */
  readonly warmSuccesses: number;
}

export type Phase = 'closed' | 'open' | 'half_open' | 'warming';

/** Successes after which a worker that came back is as good as any other. */
export const WARM_SUCCESSES = 20;

/** Successes and failures in this half of the window and in the one before; nothing older counts. */
export interface SuccessWindow {
  readonly halfSinceMs: number;
  readonly successes: number;
  readonly failures: number;
  readonly successesBefore: number;
  readonly failuresBefore: number;
}

const EMPTY_WINDOW: SuccessWindow = {
  halfSinceMs: -Infinity,
  successes: 0,
  failures: 0,
  successesBefore: 0,
  failuresBefore: 0,
};

export const CLOSED: Circuit = {
  epoch: 0,
  connectErrorsInARow: 0,
  failuresInARow: 0,
  window: EMPTY_WINDOW,
  ejections: 0,
  ejectedFor: null,
  untilMs: 0,
  ejectedSinceMs: 0,
  trialRunning: false,
  successfulTrials: 0,
  warmSuccesses: WARM_SUCCESSES,
};

/** Random part of an ejection, ±, so that replicas do not retry a worker in step. */
const JITTER = 0.1;

export function phaseOf(circuit: Circuit, nowMs: number): Phase {
  if (circuit.ejectedFor !== null) return nowMs < circuit.untilMs ? 'open' : 'half_open';
  return isWarming(circuit) ? 'warming' : 'closed';
}

export function isWarming({ ejectedFor, warmSuccesses }: Circuit): boolean {
  return ejectedFor === null && warmSuccesses < WARM_SUCCESSES;
}

export function isEjectedByAnswers({ ejectedFor }: Circuit): boolean {
  return ejectedFor === 'failure' || ejectedFor === 'access_denied';
}

/** One trial at a time. */
export function allowsRequest(circuit: Circuit, nowMs: number): boolean {
  return circuit.ejectedFor === null || (nowMs >= circuit.untilMs && !circuit.trialRunning);
}

export function afterAcquire(circuit: Circuit): Circuit {
  return circuit.ejectedFor === null ? circuit : { ...circuit, trialRunning: true };
}

/** After a request that reached the worker and says nothing else about it. */
export function afterContact(before: Circuit): Circuit {
  if (before.connectErrorsInARow === 0 && !before.trialRunning) return before;
  return { ...before, connectErrorsInARow: 0, trialRunning: false };
}

/** After a failed answer, before it is known whether worker or request is at fault: a trial goes on until then. */
export function afterUnsettled(before: Circuit): Circuit {
  return before.connectErrorsInARow === 0 ? before : { ...before, connectErrorsInARow: 0 };
}

/** After a request that says nothing at all. */
export function afterNeutral(before: Circuit): Circuit {
  return before.trialRunning ? { ...before, trialRunning: false } : before;
}

export function afterSuccess(before: Circuit, nowMs: number, limits: StatsLimits): Circuit {
  if (before.ejectedFor !== null) {
    const successfulTrials = before.successfulTrials + 1;
    if (successfulTrials < limits.trialSuccesses) return { ...before, trialRunning: false, successfulTrials };
    return { ...CLOSED, epoch: before.epoch, ejections: before.ejections, warmSuccesses: 0 };
  }
  const isWarm = before.warmSuccesses >= WARM_SUCCESSES;
  // Spelled out: this runs after every good request, and spreading ten fields costs a microsecond.
  return {
    epoch: before.epoch,
    connectErrorsInARow: 0,
    failuresInARow: 0,
    window: withResult(before.window, true, nowMs, limits.successWindowMs),
    ejections: isWarm ? 0 : before.ejections,
    ejectedFor: null,
    untilMs: before.untilMs,
    ejectedSinceMs: 0,
    trialRunning: false,
    successfulTrials: 0,
    warmSuccesses: isWarm ? WARM_SUCCESSES : before.warmSuccesses + 1,
  };
}

/** What the other workers of the model allow. */
export interface Surroundings {
  /** No other worker is available: ejections do not double, or a fleet that was down for five minutes would rest for five more. */
  readonly isLastAvailable: boolean;
  /** `false`: too many are ejected already, or this is the last one. Failures are counted and the worker stays in rotation. */
  readonly mayEject: boolean;
}

export function afterFailure(
  before: Circuit,
  reason: EjectionReason,
  { isLastAvailable, mayEject }: Surroundings,
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
  if (before.ejectedFor === null && (!mayEject || !shouldEject(seen, reason, limits))) return seen;
  return ejected(seen, reason, isLastAvailable ? 0 : seen.ejections, nowMs, random, limits);
}

/** Probes find a worker well again that could not be reached before: it starts afresh, warming. */
export function afterRecovery({ epoch, ejections }: Circuit): Circuit {
  return { ...CLOSED, epoch: epoch + 1, ejections, warmSuccesses: 0 };
}

/** A worker that has not proven itself since it came back has no credit left. */
function shouldEject(seen: Circuit, reason: EjectionReason, limits: StatsLimits): boolean {
  return (
    reason === 'credentials' ||
    isWarming(seen) ||
    seen.connectErrorsInARow >= limits.connectErrorsInARow ||
    seen.failuresInARow >= limits.failuresInARow ||
    isBelow(seen.window, limits.successShare, limits.successSamples)
  );
}

/** Base × 2ⁿ, at most `ejectionMaxMs` with jitter; a later deadline never shortens an earlier one. */
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
    ejectedSinceMs: before.ejectedFor === null ? nowMs : before.ejectedSinceMs,
  };
}

function withResult(
  before: SuccessWindow,
  succeeded: boolean,
  nowMs: number,
  windowMs: number,
): SuccessWindow {
  const ageMs = nowMs - before.halfSinceMs;
  const halfMs = windowMs / 2;
  const isCurrent = ageMs < halfMs;
  const isPrevious = !isCurrent && ageMs < windowMs;
  return {
    halfSinceMs: isCurrent ? before.halfSinceMs : isPrevious ? before.halfSinceMs + halfMs : nowMs,
    successes: (isCurrent ? before.successes : 0) + (succeeded ? 1 : 0),
    failures: (isCurrent ? before.failures : 0) + (succeeded ? 0 : 1),
    successesBefore: isCurrent ? before.successesBefore : isPrevious ? before.successes : 0,
    failuresBefore: isCurrent ? before.failuresBefore : isPrevious ? before.failures : 0,
  };
}

/** Fewer successes than `share`, among at least `samples`. */
function isBelow(window: SuccessWindow, share: number, samples: number): boolean {
  const successes = window.successes + window.successesBefore;
  const all = successes + window.failures + window.failuresBefore;
  return all >= samples && successes < share * all;
}
