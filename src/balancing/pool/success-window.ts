/** How many requests succeeded and failed in this half of the window and in the one before: nothing older counts. */
export interface SuccessWindow {
  readonly halfSinceMs: number;
  readonly successes: number;
  readonly failures: number;
  readonly successesBefore: number;
  readonly failuresBefore: number;
}

export const EMPTY_WINDOW: SuccessWindow = {
  halfSinceMs: -Infinity,
  successes: 0,
  failures: 0,
  successesBefore: 0,
  failuresBefore: 0,
};

export function withResult(
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
export function isBelow(window: SuccessWindow, share: number, samples: number): boolean {
  const successes = window.successes + window.successesBefore;
  const all = successes + window.failures + window.failuresBefore;
  return all >= samples && successes < share * all;
}
