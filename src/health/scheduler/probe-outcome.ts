import type { HealthState } from '../evaluation/health-state.js';
import type { ProbeResult } from '../probe/probe-result.js';

/** A probe claimed by this replica, and the worker's state before it. */
export interface Claim {
  readonly workerId: string;
  readonly generation: number;
  /** With times of `performance.now()`, computed from ages by the database's clock. */
  readonly before: HealthState;
  /** When a request last succeeded on the worker, from any replica. */
  readonly lastServedMs: number | null;
  /** The worker sends heartbeats, and the last three are missing. */
  readonly hasMissedHeartbeats: boolean;
  /** As PostgreSQL writes it, to the microsecond: distinguishes this claim from a later one of the same replica. */
  readonly until: string;
}

export interface ProbeOutcome {
  readonly claim: Claim;
  /** `null`: nothing was probed, because the definition has a fault. */
  readonly seen: ProbeResult | null;
  readonly after: HealthState;
  /** No heartbeats, and probes fail: the worker no longer runs. */
  readonly isExpired: boolean;
  readonly nextProbeMs: number;
}

/** Whether the row in `worker` changes, which notifies all replicas. Everything else only changes `worker_probe`. */
export function changesWorker({ claim: { before }, after, isExpired }: ProbeOutcome): boolean {
  return isExpired || after.health !== before.health || after.reason !== before.reason;
}

/** `$2`: rows of JSON, from `asRow`. */
export const SEEN = `jsonb_to_recordset($2::jsonb) AS seen (worker_id uuid, generation integer, until timestamptz, ok boolean,
  detail text, ms integer, failures integer, unreachable integer, failing_ms double precision, successes integer, next_ms double precision)`;

/** `$1`: the owner. */
export const STILL_MINE = `p.worker_id = seen.worker_id AND p.lease_owner = $1 AND p.lease_until = seen.until AND p.generation = seen.generation`;

export const WHAT_WAS_SEEN = `lease_owner = NULL, lease_until = NULL, next_probe_at = now() + seen.next_ms * interval '1 ms',
  last_probe_at = CASE WHEN seen.ok IS NULL THEN p.last_probe_at ELSE now() END,
  last_ok = coalesce(seen.ok, p.last_ok), last_detail = coalesce(seen.detail, p.last_detail), last_ms = coalesce(seen.ms, p.last_ms),
  last_good_at = CASE WHEN seen.ok THEN now() ELSE p.last_good_at END,
  failing_since = now() - seen.failing_ms * interval '1 ms', failures_in_row = seen.failures,
  unreachable_in_row = seen.unreachable, successes_in_row = seen.successes`;

export function asRow({ claim, seen, after, nextProbeMs }: ProbeOutcome) {
  return {
    worker_id: claim.workerId,
    generation: claim.generation,
    until: claim.until,
    ok: seen === null ? undefined : seen.failure === null,
    detail: seen?.detail,
    ms: seen?.ms,
    failures: after.failuresInRow,
    unreachable: after.unreachableInRow,
    failing_ms: after.failingSinceMs === null ? undefined : performance.now() - after.failingSinceMs,
    successes: after.successesInRow,
    next_ms: nextProbeMs,
  };
}
