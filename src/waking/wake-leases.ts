import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DatabaseSettings, WakingSettings } from '../config/settings.js';
import { Database } from '../database/database.js';
import { ReplicaIdentity } from '../database/replica-identity.js';
import { LONGEST_REASON } from '../registry/power/power.js';
import type { WakePlan } from './plan-waking.js';
import { nextTryInMs } from './worth-waking.js';

const ACTOR = 'waking';
/** The weight of the latest waking in the usual one. */
const LATEST_SHARE = 0.3;

/** Leases on wakings, in `worker_power`: each worker has one waker, and another replica takes over from one that died. */
@Injectable()
export class WakeLeases {
  private readonly table: string;
  /** SQL. */
  private readonly lease: string;

  constructor(
    private readonly database: Database,
    private readonly identity: ReplicaIdentity,
    { schema }: DatabaseSettings,
    private readonly settings: WakingSettings,
  ) {
    this.lease = `interval '${settings.leaseMs} ms'`;
    this.table = `"${schema}".worker_power`;
  }

  /**
   * Leases one of the sleepers, unless another replica woke one since this replica looked. One that a replica is sending to sleep is
   * taken from it until the requests for that are on their way.
   * @returns its id; `null`: none may be woken now @throws DatabaseUnavailableError
   */
  claim({ modelName, ids, sleepers, up }: WakePlan & { readonly modelName: string }): Promise<string | null> {
    return this.database.transaction(ACTOR, async (manager: EntityManager) => {
      await manager.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [
        `${this.table} ${modelName}`,
      ]);
      const [rows] = await manager.query<[{ worker_id: string }[], number]>(
        `UPDATE ${this.table} p SET state = 'waking', reason = 'requests wait', lease_owner = $1, lease_until = now() + ${this.lease}
         FROM (SELECT worker_id FROM ${this.table}
           WHERE worker_id = ANY ($2) AND state = 'asleep' AND next_wake_at <= now()
             AND (SELECT count(*) FROM ${this.table} WHERE worker_id = ANY ($3)
               AND (state = 'awake' OR state = 'waking' AND lease_until > now())) <= $4
           ORDER BY array_position($2::uuid[], worker_id) LIMIT 1 FOR UPDATE SKIP LOCKED) AS next
         WHERE p.worker_id = next.worker_id RETURNING p.worker_id`,
        [this.identity.id, sleepers, ids, up],
      );
      return rows[0]?.worker_id ?? null;
    });
  }

  /**
   * Leases one that was set to waking by hand, or whose waker died.
   * @param wanted those for which requests wait @throws DatabaseUnavailableError
   */
  claimWaking(ids: readonly string[], wanted: readonly string[]): Promise<string | null> {
    return this.one(
      `UPDATE ${this.table} p SET lease_owner = $1, lease_until = now() + ${this.lease}
       FROM (SELECT worker_id FROM ${this.table} WHERE worker_id = ANY ($2) AND state = 'waking'
         AND (lease_owner IS NULL OR lease_until <= now() AND worker_id = ANY ($3)) LIMIT 1 FOR UPDATE SKIP LOCKED) AS next
       WHERE p.worker_id = next.worker_id RETURNING p.worker_id`,
      [ids, wanted],
    );
  }

  /** A waking whose replica died, and for which no request waits any more, is over. @throws DatabaseUnavailableError */
  async giveUp(ids: readonly string[]): Promise<void> {
    await this.one(
      `UPDATE ${this.table} SET state = 'asleep', reason = 'the replica that woke it died', lease_owner = NULL, lease_until = NULL
       WHERE worker_id = ANY ($2) AND state = 'waking' AND lease_owner <> $1 AND lease_until < now() - ${this.lease} RETURNING worker_id`,
      [ids],
    );
  }

  /** Between two renewals. */
  get renewMs(): number {
    return this.settings.renewMs;
  }

  /** @returns whether this replica still holds the lease @throws DatabaseUnavailableError */
  async renew(workerId: string): Promise<boolean> {
    return this.mine(workerId, `lease_until = now() + ${this.lease}`, []);
  }

  /** @returns whether this replica still held the lease @throws DatabaseUnavailableError */
  woke(workerId: string, tookMs: number): Promise<boolean> {
    return this.mine(
      workerId,
      `state = 'awake', reason = 'woken', usual_wake_ms = least(3600000, greatest(1, round(
         $3::numeric * CASE WHEN usual_wake_ms IS NULL THEN 1 ELSE ${LATEST_SHARE} END + coalesce(usual_wake_ms, 0) * ${1 - LATEST_SHARE})))`,
      [Math.round(tookMs)],
    );
  }

  /** @param failures with this one @throws DatabaseUnavailableError */
  failed(workerId: string, failures: number, reason: string): Promise<boolean> {
    return this.mine(
      workerId,
      `state = 'asleep', failures = $3, reason = $4, next_wake_at = now() + $5 * interval '1 ms', lease_owner = NULL, lease_until = NULL`,
      [failures, reason.slice(0, LONGEST_REASON), nextTryInMs(failures)],
    );
  }

  /** Ends the waking; the next request begins another. @throws DatabaseUnavailableError */
  leave(workerId: string, reason: string): Promise<boolean> {
    return this.mine(workerId, `state = 'asleep', reason = $3, lease_owner = NULL, lease_until = NULL`, [
      reason,
    ]);
  }

  private async mine(workerId: string, set: string, values: readonly unknown[]): Promise<boolean> {
    const written = await this.one(
      `UPDATE ${this.table} SET ${set} WHERE lease_owner = $1 AND worker_id = $2 AND state = 'waking' RETURNING worker_id`,
      [workerId, ...values],
    );
    return written !== null;
  }

  private async one(statement: string, values: readonly unknown[]): Promise<string | null> {
    const rows = await this.database.query<{ worker_id: string }>(
      `WITH written AS (${statement}) SELECT worker_id FROM written`,
      [this.identity.id, ...values],
    );
    return rows[0]?.worker_id ?? null;
  }
}
