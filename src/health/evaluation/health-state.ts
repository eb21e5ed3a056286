import type { Health } from '../../registry/worker.js';

/** What is known of a worker's health by all; counts and times since its definition last changed. */
export interface HealthState {
  readonly health: Health;
  /** Why it is so: of the moment it became so, not of the latest probe. */
  readonly reason: string;
  readonly sinceMs: number;
  readonly failuresInRow: number;
  readonly successesInRow: number;
  /** Of a probe; the time the definition changed when there was none yet. */
  readonly lastGoodMs: number;
  /** Of the definition. */
  readonly generation: number;
}

/** What one probe saw, of which definition. */
export interface ProbeEvidence {
  readonly ok: boolean;
  /** In words, for people. */
  readonly detail: string;
  /** It could be connected to, and did not answer in time: busy, perhaps. */
  readonly isSilent: boolean;
  readonly generation: number;
}

export interface HealthLimits {
  /** Failures in a row after which it is down; at least 1. */
  readonly failuresDown: number;
  /** Successes in a row after which an unhealthy one is let in again; at least 1. */
  readonly successesUp: number;
  /** The worker's owner wrote the check: it is obeyed to the letter. The default one may mean little to this server. */
  readonly isOwners: boolean;
  /** Requests that succeeded within this time outweigh a default probe. */
  readonly servedMs: number;
  /** Without any success for so long, of probe or request, nothing speaks for it any more. */
  readonly silenceMs: number;
  /** How long it is warming. */
  readonly warmingMs: number;
}

export const DEFAULT_HEALTH_LIMITS: HealthLimits = {
  failuresDown: 3,
  successesUp: 2,
  isOwners: false,
  servedMs: 30_000,
  silenceMs: 60_000,
  warmingMs: 30_000,
};

/** A worker whose definition is new: usable at once, until its first probe tells. */
export function unknownHealth(generation: number, nowMs: number): HealthState {
  return {
    health: 'unknown',
    reason: 'not probed yet',
    sinceMs: nowMs,
    failuresInRow: 0,
    successesInRow: 0,
    lastGoodMs: nowMs,
    generation,
  };
}

/**
 * The state after one more probe. Evidence of an older definition is dropped: the very same state comes back.
 * @param lastServedMs when a request last succeeded there, as far as the prober knows
 */
export function judgeHealth(
  before: HealthState,
  evidence: ProbeEvidence,
  lastServedMs: number | null,
  limits: HealthLimits,
  nowMs: number,
): HealthState {
  if (evidence.generation < before.generation) return before;
  const counted: HealthState = {
    ...before,
    failuresInRow: evidence.ok ? 0 : before.failuresInRow + 1,
    successesInRow: evidence.ok ? before.successesInRow + 1 : 0,
    lastGoodMs: evidence.ok ? nowMs : before.lastGoodMs,
  };
  const health = evidence.ok
    ? afterSuccess(counted, limits, nowMs)
    : afterFailure(counted, evidence, lastServedMs, limits, nowMs);
  const after = become(counted, health, because(evidence, counted, health), nowMs);
  // The reason speaks of an earlier definition, or of none ("not probed yet"): the first probe's word is a better one.
  const isOutdated = before.failuresInRow + before.successesInRow === 0;
  return isOutdated && health !== 'healthy'
    ? { ...after, reason: because(evidence, counted, health) }
    : after;
}

/** A worker that can't be called as it stands needs no probe to be unhealthy. */
export function judgeFault(before: HealthState, fault: string, nowMs: number): HealthState {
  const state = { ...before, failuresInRow: 0, successesInRow: 0, reason: oneLine(fault) };
  return become(state, 'unhealthy', state.reason, nowMs);
}

/** The most that may be said of a worker by a prober that has taken down too many already: another must confirm. */
export function atMostSuspect(before: HealthState, after: HealthState, nowMs: number): HealthState {
  if (after.health !== 'unhealthy' || before.health === 'unhealthy') return after;
  const health = { ...after, health: before.health, reason: before.reason, sinceMs: before.sinceMs };
  return become(health, 'suspect', `to be confirmed, too many went down at once: ${after.reason}`, nowMs);
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

/** Busy is not dead: while something speaks for it, it is suspect at most. */
function afterFailure(
  { health, failuresInRow, lastGoodMs }: HealthState,
  { isSilent }: ProbeEvidence,
  lastServedMs: number | null,
  { failuresDown, isOwners, servedMs, silenceMs }: HealthLimits,
  nowMs: number,
): Health {
  if (health === 'unhealthy' || failuresInRow < failuresDown) return health;
  if (isOwners) return 'unhealthy';
  const hasServed = lastServedMs !== null && nowMs - lastServedMs < servedMs;
  const lastSignMs = Math.max(lastGoodMs, lastServedMs ?? -Infinity);
  const mayBeBusy = isSilent && nowMs - lastSignMs < silenceMs;
  return hasServed || mayBeBusy ? 'suspect' : 'unhealthy';
}

function become(state: HealthState, health: Health, reason: string, nowMs: number): HealthState {
  return health === state.health ? state : { ...state, health, reason, sinceMs: nowMs };
}

function because({ ok, detail, isSilent }: ProbeEvidence, { failuresInRow }: HealthState, health: Health) {
  const seen = oneLine(detail);
  if (ok && health === 'warming') return `warming up: ${seen}`;
  if (ok) return health === 'unhealthy' ? `answering again, not yet often enough: ${seen}` : seen;
  if (health === 'suspect' && !isSilent) return `it serves requests, but its probes fail: ${seen}`;
  return failuresInRow === 1 ? `a probe failed: ${seen}` : `${failuresInRow} probes in a row failed: ${seen}`;
}

const LONGEST = 500;

/**
 * For a table cell and a log line. Reasons may quote a server's certificate or a column edited by hand: no control
 * characters (PostgreSQL's text can't hold U+0000), no half characters, not endless.
 */
export function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cs}]+/gu, ' ').trim();
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1).replace(/\p{Cs}$/u, '')}…`;
}
