import type { HealthLimits, HealthState } from './health-state.js';

/** The intervals of probes; all in milliseconds except `jitter`. */
export interface Rhythm {
  /** While nothing changes. */
  readonly intervalMs: number;
  /** While health is about to change. */
  readonly fastIntervalMs: number;
  /** The longest, for a worker that stays unhealthy. */
  readonly downIntervalMs: number;
  /** ± share of every interval, 0 to 0.5. */
  readonly jitter: number;
}

type Limits = Pick<HealthLimits, 'failuresDown' | 'warmingMs'>;

/**
 * Milliseconds until the next probe of a worker in this state.
 * @param chance 0 to 1
 * @param nowMs on the clock of the state
 */
export function nextProbeMs(
  state: HealthState,
  { failuresDown, warmingMs }: Limits,
  rhythm: Rhythm,
  chance: number,
  nowMs: number,
): number {
  const usualMs = settledMs(state, failuresDown, rhythm) * (1 + rhythm.jitter * (2 * chance - 1));
  if (state.health !== 'warming') return usualMs;
  const coldMs = state.sinceMs + warmingMs - nowMs;
  return coldMs > 0 ? Math.min(usualMs, coldMs) : usualMs;
}

function settledMs(state: HealthState, failuresDown: number, rhythm: Rhythm): number {
  const { health, failuresInRow, successesInRow } = state;
  const { intervalMs } = rhythm;
  const longestMs = Math.max(intervalMs, rhythm.downIntervalMs);
  // Never longer than the usual interval.
  const unsureMs = Math.min(intervalMs, rhythm.fastIntervalMs);
  const tooMany = Math.max(0, failuresInRow - failuresDown);
  if (health !== 'unhealthy') {
    // A worker that keeps failing and stays suspect is no longer about to change.
    return failuresInRow > 0 ? Math.min(intervalMs, unsureMs * 2 ** tooMany) : intervalMs;
  }
  if (successesInRow > 0) return unsureMs;
  // Neither success nor failure: not probed, because its definition has a fault. A fix triggers a probe at once.
  if (failuresInRow === 0) return longestMs;
  return Math.min(longestMs, intervalMs * 2 ** tooMany);
}
