import { Injectable } from '@nestjs/common';
import { DatabaseSettings, WakingSettings } from '../config/settings.js';
import { Database } from '../database/database.js';
import { ReplicaIdentity } from '../database/replica-identity.js';
import { LONGEST_REASON } from '../registry/power/power.js';
import { nextTryInMs } from './worth-waking.js';

/** A worker that is in use, and how long it must have been unused. */
export interface SleepCandidate {
  readonly id: string;
  readonly unusedMs: number;
}

/** A worker that this replica sends to sleep. */
export interface SleepClaim {
  readonly workerId: string;
  /** When it was marked asleep, in ms since 1970: what replicas report belongs to this mark alone. */
  readonly sinceMs: number;
}

/** `busy`: a replica has not reported yet that no request of it runs there. `unwanted`: it was taken out of use. `lost`: a request wakes it, or something else changed it. */
export type Begun = 'begun' | 'busy' | 'unwanted' | 'lost';

/**
 * Leases on sending workers to sleep, in `worker_power`. The mark comes first, so that no replica picks the worker any more; a waking may
 * take it away until `begin`, which needs the word of every live replica that none of its requests is left there.
 */
@Injectable()
export class SleepLeases {
  private readonly table: string;
  /** SQL. */
  private readonly leaseEnd: string;
  private readonly live: string;
  private readonly worker: string;

  constructor(
    private readonly database: Database,
    private readonly identity: ReplicaIdentity,
    { schema }: DatabaseSettings,
    readonly settings: WakingSettings,
  ) {
    this.leaseEnd = `now() + interval '${settings.leaseMs} ms'`;
    this.table = `"${schema}".worker_power`;
    this.live = `"${schema}".live_replica`;
    this.worker = `"${schema}".worker`;
  }

  /**
   * Records that requests ran on these workers or waited for them, to within a few seconds.
   * @returns ids of workers whose rows were locked, to be recorded later @throws DatabaseUnavailableError
   */
  async used(workerIds: readonly string[]): Promise<readonly string[]> {
    const due = `SELECT worker_id FROM ${this.table} WHERE worker_id = ANY ($1) AND last_used_at < now() - interval '1 s'`;
    const rows = await this.database.query<{ worker_id: string }>(
      `WITH used AS MATERIALIZED (${due} FOR NO KEY UPDATE SKIP LOCKED), noted AS (
         UPDATE ${this.table} p SET last_used_at = now() FROM used WHERE p.worker_id = used.worker_id)
       ${due} AND worker_id NOT IN (SELECT worker_id FROM used)`,
      [workerIds],
    );
    return rows.map((row) => row.worker_id);
  }

  /** Marks the one that was unused for longest asleep, under a lease; `null`: all are used. @throws DatabaseUnavailableError */
  async claim(candidates: readonly SleepCandidate[]): Promise<SleepClaim | null> {
    const rows = await this.database.query<{ worker_id: string; since_ms: string }>(
      `WITH written AS (
         UPDATE ${this.table} p SET state = 'asleep', reason = 'no request for ' || round(next.unused_s) || ' s',
           lease_owner = $1, lease_until = ${this.leaseEnd}
         FROM (SELECT p.worker_id, extract(epoch FROM now() - p.last_used_at) AS unused_s FROM ${this.table} p
           JOIN jsonb_to_recordset($2::jsonb) AS c (id uuid, "unusedMs" float8) ON c.id = p.worker_id
           WHERE p.state = 'awake' AND p.next_sleep_at <= now() AND p.last_used_at <= now() - c."unusedMs" * interval '1 ms'
           ORDER BY p.last_used_at LIMIT 1 FOR NO KEY UPDATE OF p SKIP LOCKED) AS next
         WHERE p.worker_id = next.worker_id RETURNING p.worker_id, p.since)
       SELECT worker_id, ${MILLIS('since')} AS since_ms FROM written`,
      [this.identity.id, JSON.stringify(candidates)],
    );
    const [row] = rows;
    return row === undefined ? null : { workerId: row.worker_id, sinceMs: Number(row.since_ms) };
  }

  /** From now on, and while the lease is renewed, no waking takes the worker away. @throws DatabaseUnavailableError */
  async begin({ workerId, sinceMs }: SleepClaim): Promise<Begun> {
    const rows = await this.database.query<{ is_wanted: boolean; is_begun: boolean }>(
      `WITH mine AS MATERIALIZED (SELECT p.worker_id, w.admin_state = 'enabled' AS is_wanted FROM ${this.table} p JOIN ${this.worker} w ON w.id = p.worker_id
           WHERE ${MINE} FOR NO KEY UPDATE OF p),
         begun AS (UPDATE ${this.table} p SET lease_until = ${this.leaseEnd}, next_wake_at = ${this.leaseEnd} FROM mine
           WHERE p.worker_id = mine.worker_id AND mine.is_wanted AND NOT EXISTS (
             SELECT FROM ${this.live} r WHERE (r.drained ->> p.worker_id::text)::numeric IS DISTINCT FROM $3::numeric)
           RETURNING p.worker_id)
       SELECT is_wanted, EXISTS (SELECT FROM begun) AS is_begun FROM mine`,
      [this.identity.id, workerId, sinceMs],
    );
    const [row] = rows;
    if (row === undefined) return 'lost';
    if (row.is_begun) return 'begun';
    return row.is_wanted ? 'busy' : 'unwanted';
  }

  /** @param hasBegun whether `begin` succeeded @returns whether this replica still holds the lease @throws DatabaseUnavailableError */
  renew(claim: SleepClaim, hasBegun: boolean): Promise<boolean> {
    return this.mine(
      claim,
      `lease_until = ${this.leaseEnd}${hasBegun ? `, next_wake_at = ${this.leaseEnd}` : ''}`,
      [],
    );
  }

  /** It sleeps, or nothing is known of it. @returns whether this replica still held the lease @throws DatabaseUnavailableError */
  asleep(claim: SleepClaim): Promise<boolean> {
    return this.mine(
      claim,
      'sleep_failures = 0, next_wake_at = now(), lease_owner = NULL, lease_until = NULL',
      [],
    );
  }

  /** It stays awake, and is left alone for a while. @throws DatabaseUnavailableError */
  async failed({ workerId, sinceMs }: SleepClaim, reason: string): Promise<boolean> {
    const rows = await this.database.query<{ sleep_failures: number }>(
      `SELECT sleep_failures FROM ${this.table} p WHERE ${MINE}`,
      [this.identity.id, workerId, sinceMs],
    );
    const [row] = rows;
    if (row === undefined) return false;
    const failures = row.sleep_failures + 1;
    return this.mine(
      { workerId, sinceMs },
      `state = 'awake', reason = $4, sleep_failures = $5, next_sleep_at = now() + $6 * interval '1 ms'`,
      [reason.slice(0, LONGEST_REASON), failures, nextTryInMs(failures)],
    );
  }

  /** Before anything was sent to it. @throws DatabaseUnavailableError */
  release(claim: SleepClaim, reason: string): Promise<boolean> {
    return this.mine(claim, `state = 'awake', reason = $4`, [reason]);
  }

  /** Those whose replica died while it sent them to sleep: what probes see counts again. @throws DatabaseUnavailableError */
  async forget(ids: readonly string[]): Promise<void> {
    await this.database.query(
      `UPDATE ${this.table} SET lease_owner = NULL, lease_until = NULL
       WHERE worker_id = ANY ($1) AND state = 'asleep' AND lease_until < now()`,
      [ids],
    );
  }

  private async mine(
    { workerId, sinceMs }: SleepClaim,
    set: string,
    values: readonly unknown[],
  ): Promise<boolean> {
    const rows = await this.database.query<{ worker_id: string }>(
      `WITH written AS (UPDATE ${this.table} p SET ${set} WHERE ${MINE} RETURNING worker_id) SELECT worker_id FROM written`,
      [this.identity.id, workerId, sinceMs, ...values],
    );
    return rows.length > 0;
  }
}

/** As the snapshot of the registry rounds it. */
const MILLIS = (at: string): string => `round(extract(epoch FROM ${at}) * 1000)`;

/** `$1`: the replica, `$2`: the worker, `$3`: its mark. */
const MINE = `p.lease_owner = $1 AND p.worker_id = $2 AND p.state = 'asleep' AND ${MILLIS('p.since')} = $3::numeric`;
