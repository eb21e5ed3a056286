import { afterFailure, afterNoVerdict, afterReaching, afterSuccess, type Circuit, WHOLE } from './circuit.js';
import { type Fading, NOTHING, plus } from './fading.js';
import type { StandingLimits } from './limits.js';
import type { Outcome } from './outcome.js';
import { afterAnswer, NO_PACE, type Pace } from './pace.js';
import { afterLatency, NO_LATENCY, type PeakLatency } from './peak-latency.js';

/** What this replica's own requests have shown of a worker. */
export interface Experience {
  readonly circuit: Circuit;
  readonly penalty: Fading;
  readonly pace: Pace;
  readonly latency: PeakLatency;
  /** It asked to be left alone until then. */
  readonly busyUntilMs: number;
  /** `null`: it has never served one. */
  readonly lastSuccessMs: number | null;
}

export const NO_EXPERIENCE: Experience = {
  circuit: WHOLE,
  penalty: NOTHING,
  pace: NO_PACE,
  latency: NO_LATENCY,
  busyUntilMs: 0,
  lastSuccessMs: null,
};

/** How a request ended, and what is to be known to judge by it. */
export interface Evidence {
  readonly outcome: Outcome;
  /**
   * The circuit's when the request was lent: one that was under way when the worker was put aside tells nothing new,
   * neither good nor ill.
   */
  readonly epoch: number;
  /** No other worker of its model is in use. */
  readonly isAlone: boolean;
}

/** What is known after one more request. */
export function afterOutcome(
  before: Experience,
  { outcome, epoch, isAlone }: Evidence,
  nowMs: number,
  random: () => number,
  limits: StandingLimits,
): Experience {
  if (epoch !== before.circuit.epoch) {
    return outcome.kind === 'success' ? { ...before, lastSuccessMs: nowMs } : before;
  }
  switch (outcome.kind) {
    case 'success':
      return afterGood(before, outcome, nowMs, limits);
    case 'connect_error':
    case 'failure':
    case 'credentials':
      return {
        ...penalized(before, limits.failurePenalty, nowMs, limits),
        circuit: afterFailure(before.circuit, outcome.kind, isAlone, nowMs, random, limits),
      };
    case 'timeout':
      return {
        ...penalized(before, limits.failurePenalty, nowMs, limits),
        circuit: afterReaching(before.circuit),
      };
    case 'caller_fault':
      return {
        ...penalized(before, limits.callerFaultPenalty, nowMs, limits),
        circuit: afterReaching(before.circuit),
      };
    case 'busy': {
      const busyMs = Math.min(limits.busyMaxMs, Math.max(0, outcome.retryAfterMs ?? limits.busyMs));
      return {
        ...before,
        circuit: afterReaching(before.circuit),
        busyUntilMs: Math.max(before.busyUntilMs, nowMs + busyMs),
      };
    }
    case 'no_verdict':
      return { ...before, circuit: afterNoVerdict(before.circuit) };
  }
}

function afterGood(
  before: Experience,
  { durationMs, units }: Outcome & { readonly kind: 'success' },
  nowMs: number,
  limits: StandingLimits,
): Experience {
  const circuit = afterSuccess(before.circuit, nowMs, limits);
  const passedItsTrials = before.circuit.ejectedFor !== null && circuit.ejectedFor === null;
  return {
    circuit,
    penalty: passedItsTrials ? NOTHING : before.penalty,
    pace: afterAnswer(before.pace, { durationMs, units }, nowMs, limits.paceMs),
    latency: afterLatency(before.latency, durationMs, nowMs, limits.latencyMs),
    busyUntilMs: before.busyUntilMs,
    lastSuccessMs: nowMs,
  };
}

function penalized(
  before: Experience,
  amount: number,
  nowMs: number,
  { penaltyHalfLifeMs }: StandingLimits,
): Experience {
  return { ...before, penalty: plus(before.penalty, amount, nowMs, penaltyHalfLifeMs) };
}
