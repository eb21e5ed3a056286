import { TUNING } from '../../config/tuning.js';
import type { Health } from '../../registry/worker.js';

/** The agreed health of a worker. Counts and times start when its definition changes. */
export interface HealthState {
  readonly health: Health;
  /** Why `health` last changed; not what the latest probe saw. */
  readonly reason: string;
  readonly sinceMs: number;
  readonly failuresInRow: number;
  /** Failures in a row with `connection` as their kind. */
  readonly unreachableInRow: number;
  readonly successesInRow: number;
  /** When the first probe of this run of failures failed; `null`: the last probe succeeded. */
  readonly failingSinceMs: number | null;
  /** The last successful probe; before the first, the time of the definition. */
  readonly lastGoodMs: number;
  /** Of the definition. */
  readonly generation: number;
}

/**
 * How a probe failed. `connection`: refused, reset or never made, so the worker is not merely busy. `timeout`: connected,
 * no answer in time. `answer`: an answer that the health check rejects.
 */
export type ProbeFailure = 'connection' | 'timeout' | 'answer';

/** What one probe saw of one definition. */
export interface ProbeEvidence {
  /** `null`: the probe succeeded. */
  readonly failure: ProbeFailure | null;
  /** One line for people. */
  readonly detail: string;
  readonly generation: number;
}

export interface HealthLimits {
  /** Failures in a row that make a worker unhealthy; at least 1. */
  readonly failuresDown: number;
  /** Successes in a row after which an unhealthy worker is used again; at least 1. */
  readonly successesUp: number;
  /** The owner wrote the check, so requests never outweigh it. The default check may mean little to a server. */
  readonly isOwners: boolean;
  /** A request outweighs a default probe for this long. */
  readonly servedMs: number;
  /** Other replicas report served requests with this delay at most. */
  readonly reportMs: number;
  /** Without a success of any probe or request for this long, a worker counts as dead. */
  readonly silenceMs: number;
  /** How long a worker is warming. */
  readonly warmingMs: number;
}

/** The default check with default settings. Thresholds as HAProxy's fall and rise. */
export const DEFAULT_HEALTH_LIMITS: HealthLimits = {
  failuresDown: 3,
  successesUp: 2,
  isOwners: false,
  servedMs: TUNING.health.servedMs,
  reportMs: TUNING.health.reportMs,
  silenceMs: TUNING.health.silenceMs,
  warmingMs: TUNING.health.warmingMs,
};

/** A new definition: usable at once, until its first probe. */
export function unknownHealth(generation: number, nowMs: number): HealthState {
  return {
    health: 'unknown',
    reason: 'not probed yet',
    sinceMs: nowMs,
    failuresInRow: 0,
    unreachableInRow: 0,
    successesInRow: 0,
    failingSinceMs: null,
    lastGoodMs: nowMs,
    generation,
  };
}

/**
 * The state after one more probe. Evidence of an older definition is dropped: the same state comes back.
 * @param lastServedMs when a request last succeeded on the worker, as far as the prober knows
 */
export function judgeHealth(
  before: HealthState,
  evidence: ProbeEvidence,
  lastServedMs: number | null,
  limits: HealthLimits,
  nowMs: number,
): HealthState {
  if (evidence.generation < before.generation) return before;
  const { failure } = evidence;
  const counted = failure === null ? countSuccess(before, nowMs) : countFailure(before, failure, nowMs);
  const health =
    failure === null
      ? afterSuccess(counted, limits, nowMs)
      : afterFailure(counted, failure, lastServedMs, limits, nowMs);
  const reason = reasonFor(evidence, counted, health);
  const after = withHealth(counted, health, reason, nowMs);
  // The first probe of a definition replaces the reason of the definition before it.
  const isFirst = before.failuresInRow + before.successesInRow === 0;
  return isFirst && health !== 'healthy' ? { ...after, reason } : after;
}

/** A worker that cannot be called as it is defined is unhealthy without a probe. */
export function judgeFault(before: HealthState, fault: string, nowMs: number): HealthState {
  const reason = oneLine(fault);
  const state = {
    ...before,
    failuresInRow: 0,
    unreachableInRow: 0,
    successesInRow: 0,
    failingSinceMs: null,
    reason,
  };
  return withHealth(state, 'unhealthy', reason, nowMs);
}

/** The verdict of a prober that has reached its ejection limit: another prober must confirm it. */
export function atMostSuspect(before: HealthState, after: HealthState, nowMs: number): HealthState {
  if (after.health !== 'unhealthy' || before.health === 'unhealthy') return after;
  const state = { ...after, health: before.health, reason: before.reason, sinceMs: before.sinceMs };
  return withHealth(state, 'suspect', `not confirmed, too many failed at once: ${after.reason}`, nowMs);
}

/** The verdict on a worker that missed three heartbeats: suspect at best, even when its probes succeed. */
export function afterMissedHeartbeats(before: HealthState, judged: HealthState, nowMs: number): HealthState {
  if (judged.health === 'suspect' || judged.health === 'unhealthy') return judged;
  const sinceMs = before.health === 'suspect' ? before.sinceMs : nowMs;
  const reason = 'no heartbeat for three times heartbeat_ttl_s, though probes succeed';
  return { ...judged, health: 'suspect', reason, sinceMs };
}

const LONGEST_LINE = 500;

/**
 * Text for a table cell and a log line: no control characters (PostgreSQL's text cannot hold U+0000), no lone surrogates,
 * limited length. Reasons may quote a server's certificate or a column edited by hand.
 */
export function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cs}]+/gu, ' ').trim();
  return line.length <= LONGEST_LINE ? line : `${line.slice(0, LONGEST_LINE - 1).replace(/\p{Cs}$/u, '')}…`;
}

function countSuccess(before: HealthState, nowMs: number): HealthState {
  return {
    ...before,
    failuresInRow: 0,
    unreachableInRow: 0,
    successesInRow: before.successesInRow + 1,
    failingSinceMs: null,
    lastGoodMs: nowMs,
  };
}

function countFailure(before: HealthState, failure: ProbeFailure, nowMs: number): HealthState {
  return {
    ...before,
    failuresInRow: before.failuresInRow + 1,
    unreachableInRow: failure === 'connection' ? before.unreachableInRow + 1 : 0,
    successesInRow: 0,
    failingSinceMs: before.failingSinceMs ?? nowMs,
  };
}

function afterSuccess({ health, successesInRow, sinceMs }: HealthState, limits: HealthLimits, nowMs: number) {
  switch (health) {
    case 'unknown':
    case 'healthy':
    case 'suspect':
      return 'healthy';
    case 'unhealthy':
      return successesInRow >= limits.successesUp ? 'warming' : 'unhealthy';
    case 'warming':
      return nowMs - sinceMs >= limits.warmingMs ? 'healthy' : 'warming';
  }
}

function afterFailure(
  state: HealthState,
  failure: ProbeFailure,
  lastServedMs: number | null,
  limits: HealthLimits,
  nowMs: number,
): Health {
  if (state.health === 'unhealthy' || state.failuresInRow < limits.failuresDown) return state.health;
  if (limits.isOwners || state.unreachableInRow >= limits.failuresDown) return 'unhealthy';
  const lastSuccessMs = Math.max(state.lastGoodMs, lastServedMs ?? -Infinity);
  const mayBeBusy = failure !== 'answer' && nowMs - lastSuccessMs < limits.silenceMs;
  return mayBeBusy || goesOnServing(state, lastServedMs, limits, nowMs) ? 'suspect' : 'unhealthy';
}

/** Whether requests succeed while the probes fail: one ended well since the first failure, or may yet be reported. */
function goesOnServing(
  { failingSinceMs }: HealthState,
  lastServedMs: number | null,
  { servedMs, reportMs }: HealthLimits,
  nowMs: number,
): boolean {
  if (lastServedMs === null || nowMs - lastServedMs >= servedMs) return false;
  const failingMs = failingSinceMs ?? nowMs;
  return lastServedMs >= failingMs || nowMs - failingMs < reportMs;
}

function withHealth(state: HealthState, health: Health, reason: string, nowMs: number): HealthState {
  return health === state.health ? state : { ...state, health, reason, sinceMs: nowMs };
}

function reasonFor({ failure, detail }: ProbeEvidence, { failuresInRow }: HealthState, health: Health) {
  const seen = oneLine(detail);
  if (failure === null && health === 'warming') return `warming up: ${seen}`;
  if (failure === null) return health === 'unhealthy' ? `answers again, not often enough yet: ${seen}` : seen;
  if (health === 'suspect' && failure === 'answer') return `serves requests, but its probes fail: ${seen}`;
  return failuresInRow === 1 ? `a probe failed: ${seen}` : `${failuresInRow} probes in a row failed: ${seen}`;
}
