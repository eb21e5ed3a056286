import type { RequestResult } from '../request-result.js';
import {
  afterLatency,
  afterOutput,
  type DecayingCounter,
  NO_LATENCY,
  NO_OUTPUT,
  type OutputSpeed,
  type PeakLatency,
  plus,
  ZERO,
} from './averages.js';
import {
  afterContact,
  afterFailure,
  afterNeutral,
  afterRecovery,
  afterSuccess,
  afterUnsettled,
  type Circuit,
  CLOSED,
  isEjectedByAnswers,
} from './circuit.js';
import type { StatsLimits } from '../../config/balancing-settings.js';

/** What this replica's own requests have shown of a worker. */
export interface WorkerStats {
  readonly circuit: Circuit;
  readonly penalty: DecayingCounter;
  readonly outputSpeed: OutputSpeed;
  readonly latency: PeakLatency;
  /** The worker is throttled until then. */
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

/** How a request ended, and what must be known to judge by it. */
export interface ObservedResult {
  readonly result: RequestResult;
  /** The circuit's when the request began: a request that was running when the worker was ejected is ignored. */
  readonly epoch: number;
  readonly isLastAvailable: boolean;
}

/**
 * The stats after one more request. A failure by an answer only costs its penalty here: whether it counts towards an
 * ejection is known when the request is over (blame.ts).
 */
export function afterResult(
  before: WorkerStats,
  { result, epoch, isLastAvailable }: ObservedResult,
  nowMs: number,
  random: () => number,
  limits: StatsLimits,
): WorkerStats {
  if (epoch !== before.circuit.epoch) {
    return result.kind === 'success' ? { ...before, lastSuccessMs: nowMs } : before;
  }
  switch (result.kind) {
    case 'success':
      return afterServing(before, result, nowMs, limits);
    case 'connect_error':
    case 'credentials': {
      const surroundings = { isLastAvailable, mayEject: true };
      return {
        ...penalized(before, limits.failurePenalty, nowMs, limits),
        circuit: afterFailure(before.circuit, result.kind, surroundings, nowMs, random, limits),
      };
    }
    case 'failure':
    case 'access_denied':
      return {
        ...penalized(before, limits.failurePenalty, nowMs, limits),
        circuit: afterUnsettled(before.circuit),
      };
    case 'not_found':
      return {
        ...penalized(before, limits.callerFaultPenalty, nowMs, limits),
        circuit: afterUnsettled(before.circuit),
      };
    case 'timeout':
      return {
        ...penalized(before, limits.failurePenalty, nowMs, limits),
        circuit: afterContact(before.circuit),
      };
    case 'client_fault':
      return {
        ...penalized(before, limits.callerFaultPenalty, nowMs, limits),
        circuit: afterContact(before.circuit),
      };
    case 'throttled': {
      const throttledMs = Math.min(
        limits.throttleMaxMs,
        Math.max(0, result.retryAfterMs ?? limits.throttleMs),
      );
      return {
        ...before,
        circuit: afterContact(before.circuit),
        throttledUntilMs: Math.max(before.throttledUntilMs, nowMs + throttledMs),
      };
    }
    case 'neutral':
      return { ...before, circuit: afterNeutral(before.circuit) };
  }
}

/**
 * The stats when probes find a worker well that they had found suspect or unhealthy. A probe shows that it can be
 * reached again, so what connect errors and its interrupted requests cost is forgotten; it does not show what a request
 * does, so an ejection by answers stays.
 * @param wasDown it was out of rotation, so it comes back warming
 */
export function afterComingUp(before: WorkerStats, wasDown: boolean): WorkerStats {
  const { circuit } = before;
  if (isEjectedByAnswers(circuit) || circuit.ejectedFor === 'credentials') return before;
  const isBack = wasDown || circuit.ejectedFor === 'connect_error';
  return { ...before, penalty: ZERO, circuit: isBack ? afterRecovery(circuit) : circuit };
}

/** The stats of a worker that an operator enabled again. */
export function afterEnabling({ circuit, outputSpeed, latency, lastSuccessMs }: WorkerStats): WorkerStats {
  return {
    circuit: { ...CLOSED, epoch: circuit.epoch + 1 },
    penalty: ZERO,
    outputSpeed,
    latency,
    throttledUntilMs: 0,
    lastSuccessMs,
  };
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
    outputSpeed: afterOutput(before.outputSpeed, { durationMs, units }, nowMs, limits.speedMs),
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
