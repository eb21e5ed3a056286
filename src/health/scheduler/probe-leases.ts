import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DatabaseSettings, HealthSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import { ReplicaIdentity } from '../../database/replica-identity.js';
import { missedHeartbeats } from '../../registry/registration/heartbeat.service.js';
import type { Health } from '../../registry/worker.js';
import type { HealthState } from '../evaluation/health-state.js';
import type { ProbeResult } from '../probe/probe-result.js';

interface ClaimRow {
  readonly worker_id: string;
  readonly generation: number;
  readonly health: Health;
  readonly health_reason: string;
  readonly health_age_ms: number;
  readonly good_age_ms: number;
  readonly served_age_ms: number | null;
  readonly has_missed_heartbeats: boolean;
  readonly failures_in_row: number;
  readonly unreachable_in_row: number;
  readonly failing_age_ms: number | null;
  readonly successes_in_row: number;
  readonly until: string;
}

/**
 * Leases on probes, in `worker_probe`. A claim lasts until its result is written or its lease ends, so that each worker has
 * one prober, and another replica takes over from a killed one. All by the database's clock.
 * The file is long because the statements of one lease (claim, keep, conclude) are read together.
 */
@Injectable()
export class ProbeLeases {
  private readonly owner: string;
  private readonly worker: string;
  private readonly probe: string;
  /** Since when heartbeats could be received here, as far as this replica knows. */
  private availableSinceMs = performance.now();

  constructor(
    private readonly database: Database,
    private readonly settings: HealthSettings,
    { schema }: DatabaseSettings,
    { id }: ReplicaIdentity,
  ) {
    this.owner = id;
    this.worker = `"${schema}".worker`;
    this.probe = `"${schema}".worker_probe`;
  }

  /** The database was unavailable until now, so heartbeats missed meanwhile do not count. */
  forgiveHeartbeatsUntil(nowMs: number): void {
    this.availableSinceMs = nowMs;
  }

  /** Claims up to `most` due probes, the longest overdue first, except those of these workers. @throws DatabaseUnavailableError */
  claimDue(most: number, except: readonly string[] = []): Promise<readonly Claim[]> {
    return this.claim(null, 0, most, except);
  }

  /** Claims the probes of these workers that are due within `withinMs`. @throws DatabaseUnavailableError */
  claimSoonDue(workerIds: readonly string[], withinMs: number): Promise<readonly Claim[]> {
    return this.claim(workerIds, withinMs, workerIds.length);
  }

  /** Claims the probe of this worker, due or not; `null`: another replica is probing it, or it is not probed. @throws DatabaseUnavailableError */
  async claimNow(workerId: string): Promise<Claim | null> {
    const [claim] = await this.claim([workerId], EVER_MS, 1);
    return claim ?? null;
  }

  /**
   * Writes results, unless the claim has expired or was lost to another replica or a new definition.
   * @returns the results that were written
   * @throws DatabaseUnavailableError
   */
  async record(results: readonly ProbeOutcome[]): Promise<readonly ProbeOutcome[]> {
    const settled = results.filter((result) => !changesWorker(result));
    const together = settled.length > 1 ? await this.recordUncontested(settled) : new Set<string>();
    const written = settled.filter(({ claim }) => together.has(claim.workerId));
    // The others one by one: a transaction that holds several rows and waits for another can deadlock.
    for (const result of settled) {
      if (together.has(result.claim.workerId)) continue;
      if (await this.database.run((manager) => this.recordOne(manager, result))) written.push(result);
    }
    for (const result of results.filter(changesWorker)) {
      if (await this.recordNews(result)) written.push(result);
    }
    return written;
  }

  /** Leaves the probes of these workers to other replicas, after a moment. @throws DatabaseUnavailableError */
  async handOn(claims: readonly Claim[], afterMs: number): Promise<void> {
    await this.database.query(
      `UPDATE ${this.probe} p SET lease_owner = NULL, lease_until = NULL, next_probe_at = now() + $3 * interval '1 ms'
       FROM jsonb_to_recordset($2::jsonb) AS seen (worker_id uuid, generation integer, until timestamptz) WHERE ${STILL_MINE}`,
      [
        this.owner,
        JSON.stringify(
          claims.map(({ workerId, generation, until }) => ({ worker_id: workerId, generation, until })),
        ),
        afterMs,
      ],
    );
  }

  /** Releases this replica's leases except those of these workers. @throws DatabaseUnavailableError */
  async release(except: readonly string[] = []): Promise<void> {
    await this.database.query(
      `UPDATE ${this.probe} SET lease_owner = NULL, lease_until = NULL WHERE lease_owner = $1 AND worker_id <> ALL ($2::uuid[])`,
      [this.owner, except],
    );
  }

  private async claim(
    ids: readonly string[] | null,
    withinMs: number,
    most: number,
    except: readonly string[] = [],
  ): Promise<readonly Claim[]> {
    const rows = await this.database.query<ClaimRow>(
      `WITH due AS MATERIALIZED (
         SELECT p.worker_id, w.health, w.health_reason, ${ageMs('w.health_since')} AS health_age_ms,
           ${missedHeartbeats('w', 'p', '$6')} AS has_missed_heartbeats
         FROM ${this.probe} p JOIN ${this.worker} w ON w.id = p.worker_id
         WHERE p.next_probe_at <= now() + $4 * interval '1 ms'
           AND (p.lease_until IS NULL OR p.lease_until <= now())
           AND ($3::uuid[] IS NULL OR p.worker_id = ANY ($3)) AND p.worker_id <> ALL ($7::uuid[])
           AND w.admin_state IN ('enabled', 'draining')
         ORDER BY p.next_probe_at LIMIT $5 FOR NO KEY UPDATE OF p SKIP LOCKED)
       UPDATE ${this.probe} p SET lease_owner = $1, lease_until = now() + $2 * interval '1 ms'
       FROM due WHERE p.worker_id = due.worker_id
       RETURNING p.worker_id, p.generation, due.health, due.health_reason, due.health_age_ms, due.has_missed_heartbeats,
         ${ageMs('p.last_good_at')} AS good_age_ms, ${ageMs('p.last_served_at')} AS served_age_ms,
         p.failures_in_row, p.successes_in_row, least(p.unreachable_in_row, p.failures_in_row) AS unreachable_in_row,
         CASE WHEN p.failures_in_row > 0 THEN ${ageMs('p.failing_since')} END AS failing_age_ms, p.lease_until::text AS until`,
      [this.owner, this.settings.leaseMs, ids, withinMs, most, this.availableMs(), except],
    );
    const nowMs = performance.now();
    return rows.map((row) => ({
      workerId: row.worker_id,
      generation: row.generation,
      before: {
        health: row.health,
        reason: row.health_reason,
        sinceMs: nowMs - row.health_age_ms,
        failuresInRow: row.failures_in_row,
        unreachableInRow: row.unreachable_in_row,
        successesInRow: row.successes_in_row,
        failingSinceMs: row.failing_age_ms === null ? null : nowMs - row.failing_age_ms,
        lastGoodMs: nowMs - row.good_age_ms,
        generation: row.generation,
      },
      lastServedMs: row.served_age_ms === null ? null : nowMs - row.served_age_ms,
      hasMissedHeartbeats: row.has_missed_heartbeats,
      until: row.until,
    }));
  }

  /** All at once, without rows that another transaction is changing. */
  private async recordUncontested(results: readonly ProbeOutcome[]): Promise<ReadonlySet<string>> {
    const rows = await this.database.query<{ worker_id: string }>(
      `WITH mine AS MATERIALIZED (
         SELECT p.worker_id FROM ${this.probe} p, ${SEEN} WHERE ${STILL_MINE} FOR NO KEY UPDATE OF p SKIP LOCKED)
       UPDATE ${this.probe} p SET ${WHAT_WAS_SEEN}
       FROM ${SEEN} JOIN mine USING (worker_id) WHERE ${STILL_MINE} RETURNING p.worker_id`,
      [this.owner, JSON.stringify(results.map(asRow))],
    );
    return new Set(rows.map((row) => row.worker_id));
  }

  private async recordOne(manager: EntityManager, result: ProbeOutcome): Promise<boolean> {
    const answer: unknown = await manager.query(
      `UPDATE ${this.probe} p SET ${WHAT_WAS_SEEN} FROM ${SEEN} WHERE ${STILL_MINE}`,
      [this.owner, JSON.stringify([asRow(result)])],
    );
    // TypeORM answers [rows, count] to an UPDATE.
    return Array.isArray(answer) && answer[1] === 1;
  }

  /** Probe result and verdict in one transaction. `worker` is locked first, as by every change of a definition. */
  private recordNews(result: ProbeOutcome): Promise<boolean> {
    const { claim, after } = result;
    return this.database.transaction('health', async (manager) => {
      await manager.query(`SELECT FROM ${this.worker} WHERE id = $1 FOR NO KEY UPDATE`, [claim.workerId]);
      if (!(await this.recordOne(manager, result))) return false;
      await manager.query(
        `UPDATE ${this.worker} SET health = $3, health_reason = $4
         WHERE id = $1 AND generation = $2 AND admin_state IN ('enabled', 'draining')`,
        [claim.workerId, claim.generation, after.health, after.reason],
      );
      if (result.isExpired) await this.expire(manager, claim);
      return true;
    });
  }

  /** Unless a heartbeat arrived since: `worker` is locked, so a heartbeat either waits or is visible here. */
  private async expire(manager: EntityManager, { workerId, generation }: Claim): Promise<void> {
    await manager.query(`SELECT set_config('mmm.actor', 'heartbeat expired', true)`);
    await manager.query(
      `UPDATE ${this.worker} w SET admin_state = 'offline' FROM ${this.probe} p
       WHERE w.id = $1 AND w.generation = $2 AND w.admin_state IN ('enabled', 'draining')
         AND p.worker_id = w.id AND ${missedHeartbeats('w', 'p', '$3')}`,
      [workerId, generation, this.availableMs()],
    );
  }

  private availableMs(): number {
    return performance.now() - this.availableSinceMs;
  }
}

/** Longer than any probe is delayed. */
const EVER_MS = 1e12;

const ageMs = (at: string): string => `extract(epoch FROM now() - ${at})::float8 * 1000`;

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
