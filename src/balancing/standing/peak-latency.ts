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
