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
 * Recent time and output of a worker. Both sums decay with the same time constant, so their quotient needs no correction
 * while it is young, and a short answer that had to wait weighs little. Averages of total durations would take long
 * answers for a sign of a slow worker.
 */
export interface OutputSpeed {
  readonly timeMs: number;
  readonly units: number;
  readonly atMs: number;
}

export const NO_OUTPUT: OutputSpeed = { timeMs: 0, units: 0, atMs: 0 };

/** No worker counts as faster or slower than this, or one unusual answer would decide. */
const LOWEST_RATIO = 0.25;
const HIGHEST_RATIO = 8;

/** Added to both sides of the comparison: one new connection must not make a worker of quick answers look slow. */
const LITTLE_MS = 500;

/** @param answer without output, it changes nothing */
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
 * Compared with the median of the model; 1 while nothing is known. It halves its distance to 1 in every half-life without
 * an answer, so that a slow worker is tried again.
 */
export function relativeLatency(
  speed: OutputSpeed,
  medianMsPerToken: number,
  nowMs: number,
  halfLifeMs: number,
): number {
  const { timeMs, units } = speed;
  if (!(units > 0) || !(medianMsPerToken > 0)) return 1;
  const ratio = (timeMs + LITTLE_MS) / (units * medianMsPerToken + LITTLE_MS);
  const seen = Math.min(HIGHEST_RATIO, Math.max(LOWEST_RATIO, ratio));
  return 1 + (seen - 1) * 2 ** (-Math.max(0, nowMs - speed.atMs) / halfLifeMs);
}

/** 0 for an empty list. */
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

/** It decays to 0 without an answer, so that the worker is tried again. */
export function latencyAt({ ms, atMs }: PeakLatency, nowMs: number, timeConstantMs: number): number {
  return ms === 0 ? 0 : ms * Math.exp(-Math.max(0, nowMs - atMs) / timeConstantMs);
}

const SLICES = 10;

/** Counts events of the last while, at a constant cost for any number. */
export class RateWindow {
  private readonly counts = Array.from({ length: SLICES }, () => 0);
  private readonly sliceMs: number;
  private slice = -Infinity;
  private sum = 0;

  constructor(readonly windowMs: number) {
    this.sliceMs = windowMs / SLICES;
  }

  add(nowMs: number): void {
    const at = this.moveTo(nowMs);
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sum += 1;
  }

  /** In the window that ends now. */
  count(nowMs: number): number {
    this.moveTo(nowMs);
    return this.sum;
  }

  private moveTo(nowMs: number): number {
    const slice = Math.max(this.slice, Math.floor(nowMs / this.sliceMs));
    for (let old = Math.max(this.slice + 1, slice - SLICES + 1); old <= slice; old++) {
      const at = old % SLICES;
      this.sum -= this.counts[at] ?? 0;
      this.counts[at] = 0;
    }
    this.slice = slice;
    return slice % SLICES;
  }
}
