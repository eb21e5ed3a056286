import { Injectable } from '@nestjs/common';
import { DatabaseSettings, HealthSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import { ReplicaIdentity } from '../../database/replica-identity.js';
import { missedHeartbeats } from '../../registry/registration/heartbeat.service.js';
import type { Health } from '../../registry/worker.js';
import { type Claim, type ProbeOutcome, STILL_MINE } from './probe-outcome.js';
import { ProbeRecords } from './probe-records.js';

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
 */
@Injectable()
export class ProbeLeases {
  private readonly owner: string;
  private readonly worker: string;
  private readonly probe: string;
  /** Since when heartbeats could be received here, as far as this replica knows. */
  private availableSinceMs = performance.now();
  private readonly records: ProbeRecords;

  constructor(
    private readonly database: Database,
    private readonly settings: HealthSettings,
    { schema }: DatabaseSettings,
    { id }: ReplicaIdentity,
  ) {
    this.owner = id;
    this.worker = `"${schema}".worker`;
    this.probe = `"${schema}".worker_probe`;
    this.records = new ProbeRecords(database, id, () => this.availableMs(), schema);
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
  record(results: readonly ProbeOutcome[]): Promise<readonly ProbeOutcome[]> {
    return this.records.record(results);
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

  private availableMs(): number {
    return performance.now() - this.availableSinceMs;
  }
}

/** Longer than any probe is delayed. */
const EVER_MS = 1e12;

const ageMs = (at: string): string => `extract(epoch FROM now() - ${at})::float8 * 1000`;
