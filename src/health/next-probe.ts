import type { Condition } from './judge.js';

/** When to look again; all in milliseconds but `jitter`. */
export interface Rhythm {
  /** While nothing changes. */
  readonly intervalMs: number;
  /** While it is changing its mind. */
  readonly unsureIntervalMs: number;
  /** The longest, for one that stays down. */
  readonly downIntervalMs: number;
  /** ± share of every interval, 0 to 0.5. */
  readonly jitter: number;
}

/**
 * Milliseconds until the next probe of a worker in this condition.
 * @param failuresDown how many failures took it down: the doubling starts there
 * @param chance 0 to 1
 */
export function nextProbeMs(
  condition: Condition,
  failuresDown: number,
  rhythm: Rhythm,
  chance: number,
): number {
  return settledMs(condition, failuresDown, rhythm) * (1 + rhythm.jitter * (2 * chance - 1));
}

function settledMs(condition: Condition, failuresDown: number, rhythm: Rhythm): number {
  const { health, failuresInRow, successesInRow } = condition;
  const { intervalMs } = rhythm;
  const longestMs = Math.max(intervalMs, rhythm.downIntervalMs);
  // Unsure never means less often than sure.
  const unsureMs = Math.min(intervalMs, rhythm.unsureIntervalMs);
  if (health !== 'unhealthy') return failuresInRow > 0 ? unsureMs : intervalMs;
  if (successesInRow > 0) return unsureMs;
  // Neither success nor failure: not probed, because its definition has a fault. Mending that brings a probe at once.
  if (failuresInRow === 0) return longestMs;
  return Math.min(longestMs, intervalMs * 2 ** Math.max(0, failuresInRow - failuresDown));
}
