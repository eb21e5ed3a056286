import type { HealthState } from '../judging/health-state.js';
import type { Sighting } from '../probe/sighting.js';

/** A probe that is this replica's to make, and the worker's state before it. */
export interface Claim {
  readonly workerId: string;
  readonly generation: number;
  /** Its times are of `performance.now()`, made of ages by the database's clock. */
  readonly before: HealthState;
  /** When a request last succeeded there, on any replica. */
  readonly lastServedMs: number | null;
  /** It has promised heartbeats, and the last three did not come. */
  readonly hasMissedHeartbeats: boolean;
  /** As PostgreSQL writes it, to the microsecond: tells this claim from a later one of the same replica. */
  readonly until: string;
}

export interface Result {
  readonly claim: Claim;
  /** `null`: nothing was probed, because the definition has a fault. */
  readonly seen: Sighting | null;
  readonly after: HealthState;
  /** No heartbeats, and its probes fail: the worker is gone. */
  readonly isExpired: boolean;
  readonly nextProbeMs: number;
}

/** Whether `worker` itself has to be written: everything else goes to the prober's diary, and nobody is notified. */
export function isNews({ claim: { before }, after, isExpired }: Result): boolean {
  return isExpired || after.health !== before.health || after.reason !== before.reason;
}

/** `$2`: rows of JSON, from `asRow`. */
export const SEEN = `jsonb_to_recordset($2::jsonb) AS seen (worker_id uuid, generation integer, until timestamptz, ok boolean,
  detail text, ms integer, failures integer, successes integer, next_ms double precision)`;

/** `$1`: the owner. */
export const STILL_MINE = `p.worker_id = seen.worker_id AND p.lease_owner = $1 AND p.lease_until = seen.until AND p.generation = seen.generation`;

export const WHAT_WAS_SEEN = `lease_owner = NULL, lease_until = NULL, next_probe_at = now() + seen.next_ms * interval '1 ms',
  last_probe_at = CASE WHEN seen.ok IS NULL THEN p.last_probe_at ELSE now() END,
  last_ok = coalesce(seen.ok, p.last_ok), last_detail = coalesce(seen.detail, p.last_detail), last_ms = coalesce(seen.ms, p.last_ms),
  last_good_at = CASE WHEN seen.ok THEN now() ELSE p.last_good_at END,
  failures_in_row = seen.failures, successes_in_row = seen.successes`;

export function asRow({ claim, seen, after, nextProbeMs }: Result) {
  return {
    worker_id: claim.workerId,
    generation: claim.generation,
    until: claim.until,
    ok: seen?.ok,
    detail: seen?.detail,
    ms: seen?.ms,
    failures: after.failuresInRow,
    successes: after.successesInRow,
    next_ms: nextProbeMs,
  };
}
