import { afterFailure, afterNeutral, afterContact, afterSuccess, type Circuit, CLOSED } from './circuit.js';
import { type DecayingCounter, ZERO, plus } from './averages.js';
import type { StatsLimits } from './stats-limits.js';
import type { RequestResult } from '../request-result.js';
import { afterOutput, NO_OUTPUT, type OutputSpeed } from './averages.js';
import { afterLatency, NO_LATENCY, type PeakLatency } from './averages.js';

/** What this replica's own requests have shown of a worker. */
export interface WorkerStats {
  readonly circuit: Circuit;
  readonly penalty: DecayingCounter;
  readonly outputSpeed: OutputSpeed;
  readonly latency: PeakLatency;
  /** It asked to be left alone until then. */
  readonly throttledUntilMs: number;
  /** `null`: it has never served one. */
  readonly lastSuccessMs: number | null;
}

export const EMPTY_STATS: WorkerStats = {
  circuit: CLOSED,
  penalty: ZERO,
  outputSpeed: NO_OUTPUT,
  latency: NO_LATENCY,
  throttledUntilMs: 0,
  lastSuccessMs: null,
};

/** How a request ended, and what is to be known to judge by it. */
export interface ObservedResult {
  readonly outcome: RequestResult;
  /**
   * The circuit's when the request was lent: one that was under way when the worker was put aside tells nothing new,
   * neither good nor ill.
   */
  readonly epoch: number;
  /** No other worker of its model is in use. */
  readonly isLastAvailable: boolean;
}

/** What is known after one more request. */
export function afterResult(
  before: WorkerStats,
  { outcome, epoch, isLastAvailable: isAlone }: ObservedResult,
  nowMs: number,
  random: () => number,
  limits: StatsLimits,
): WorkerStats {
  if (epoch !== before.circuit.epoch) {
    return outcome.kind === 'success' ? { ...before, lastSuccessMs: nowMs } : before;
  }
  switch (outcome.kind) {
    case 'success':
      return afterServing(before, outcome, nowMs, limits);
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
        circuit: afterContact(before.circuit),
      };
    case 'caller_fault':
      return {
        ...penalized(before, limits.callerFaultPenalty, nowMs, limits),
        circuit: afterContact(before.circuit),
      };
    case 'busy': {
      const busyMs = Math.min(limits.busyMaxMs, Math.max(0, outcome.retryAfterMs ?? limits.busyMs));
      return {
        ...before,
        circuit: afterContact(before.circuit),
        throttledUntilMs: Math.max(before.throttledUntilMs, nowMs + busyMs),
      };
    }
    case 'no_verdict':
      return { ...before, circuit: afterNeutral(before.circuit) };
  }
}

function afterServing(
  before: WorkerStats,
  { durationMs, units }: RequestResult & { readonly kind: 'success' },
  nowMs: number,
  limits: StatsLimits,
): WorkerStats {
  const circuit = afterSuccess(before.circuit, nowMs, limits);
  const passedItsTrials = before.circuit.ejectedFor !== null && circuit.ejectedFor === null;
  return {
    circuit,
    penalty: passedItsTrials ? ZERO : before.penalty,
    outputSpeed: afterOutput(before.outputSpeed, { durationMs, units }, nowMs, limits.paceMs),
    latency: afterLatency(before.latency, durationMs, nowMs, limits.latencyMs),
    throttledUntilMs: before.throttledUntilMs,
    lastSuccessMs: nowMs,
  };
}

function penalized(
  before: WorkerStats,
  amount: number,
  nowMs: number,
  { penaltyHalfLifeMs }: StatsLimits,
): WorkerStats {
  return { ...before, penalty: plus(before.penalty, amount, nowMs, penaltyHalfLifeMs) };
}
