/** A quantity that halves in every half-life. */
export interface DecayingCounter {
  readonly amount: number;
  readonly atMs: number;
}

export const ZERO: DecayingCounter = { amount: 0, atMs: 0 };

export function amountAt({ amount, atMs }: DecayingCounter, nowMs: number, halfLifeMs: number): number {
  return amount === 0 ? 0 : amount * 2 ** (-Math.max(0, nowMs - atMs) / halfLifeMs);
}

export function plus(
  before: DecayingCounter,
  more: number,
  nowMs: number,
  halfLifeMs: number,
): DecayingCounter {
  return { amount: amountAt(before, nowMs, halfLifeMs) + more, atMs: nowMs };
}

/**
 * Time per unit of output of late: both sums fade with the same time constant, so their quotient needs no correction for
 * how young it is, and a short answer that had to wait weighs little. Total duration would take long answers for a slow
 * worker.
 */
export interface OutputSpeed {
  readonly timeMs: number;
  readonly units: number;
  readonly atMs: number;
}

export const NO_OUTPUT: OutputSpeed = { timeMs: 0, units: 0, atMs: 0 };

/** No worker counts as faster or slower than this, or one odd answer would decide. */
const LOWEST_RATIO = 0.25;
const HIGHEST_RATIO = 8;

/**
 * So much work says little: a connection to be made, or a process that had to wait its turn, would make a worker of quick
 * answers look slow.
 */
const LITTLE_MS = 500;

/** @param units of output; an answer of none tells nothing */
export function afterOutput(
  before: OutputSpeed,
  answer: { readonly durationMs: number; readonly units: number },
  nowMs: number,
  timeConstantMs: number,
): OutputSpeed {
  if (!(answer.units > 0)) return before;
  const kept = Math.exp(-Math.max(0, nowMs - before.atMs) / timeConstantMs);
  return {
    timeMs: before.timeMs * kept + answer.durationMs,
    units: before.units * kept + answer.units,
    atMs: Math.max(before.atMs, nowMs),
  };
}

/** `null` while nothing is known. */
export function msPerToken({ timeMs, units }: OutputSpeed): number | null {
  return units > 0 ? timeMs / units : null;
}

/**
 * Against the median of its model; 1 while nothing is known. What was not seen again for a while is forgotten by halves,
 * so that a slow worker is tried again.
 */
export function relativeLatency(
  pace: OutputSpeed,
  medianMsPerUnit: number,
  nowMs: number,
  halfLifeMs: number,
): number {
  const { timeMs, units } = pace;
  if (!(units > 0) || !(medianMsPerUnit > 0)) return 1;
  const ratio = (timeMs + LITTLE_MS) / (units * medianMsPerUnit + LITTLE_MS);
  const seen = Math.min(HIGHEST_RATIO, Math.max(LOWEST_RATIO, ratio));
  return 1 + (seen - 1) * 2 ** (-Math.max(0, nowMs - pace.atMs) / halfLifeMs);
}

/** 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  return (lower + upper) / 2;
}

/** A latency that rises at once and falls slowly, so that one bad answer is remembered. [Finagle's peak EWMA] */
export interface PeakLatency {
  readonly ms: number;
  readonly atMs: number;
}

export const NO_LATENCY: PeakLatency = { ms: 0, atMs: 0 };

export function afterLatency(
  before: PeakLatency,
  ms: number,
  nowMs: number,
  timeConstantMs: number,
): PeakLatency {
  if (ms >= before.ms) return { ms, atMs: nowMs };
  const kept = Math.exp(-Math.max(0, nowMs - before.atMs) / timeConstantMs);
  return { ms: before.ms * kept + ms * (1 - kept), atMs: nowMs };
}

/** Unseen, it fades to nothing, so that the worker is tried again. */
export function latencyAt({ ms, atMs }: PeakLatency, nowMs: number, timeConstantMs: number): number {
  return ms === 0 ? 0 : ms * Math.exp(-Math.max(0, nowMs - atMs) / timeConstantMs);
}
