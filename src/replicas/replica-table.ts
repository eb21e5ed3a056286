import { hostname } from 'node:os';
import { Injectable } from '@nestjs/common';
import { DatabaseSettings, ReplicaSettings } from '../config/settings.js';
import { VERSION } from '../config/version.js';
import { Database } from '../database/database.js';
import type { Running } from './replica.entity.js';
import type { Settled, SharedSettings } from './settings-drift.js';

/** Of the workers that drain or fall asleep, those on which a replica has no request left: id → `admin_state_since`, or `worker_power.since`, in ms. */
export type Drained = Readonly<Record<string, number>>;

/** What a replica reports to the others. */
export interface Heartbeat {
  readonly drained: Drained;
  readonly settings: SharedSettings;
  /** What still runs on a replica that takes no new requests; `null`: it takes some. */
  readonly draining: Running | null;
  /** Ids of the others by which it divides the slots. */
  readonly knows: readonly string[];
  /** It uses slots. */
  readonly settled: boolean;
}

export interface OtherReplica extends Settled {
  readonly draining: Running | null;
  /** Ids of the replicas that it knows; `null`: its release does not say. */
  readonly knows: readonly string[] | null;
}

/** The channel on which replicas learn that one joins, drains or leaves; the payload is the schema and its id. */
export const REPLICA_CHANGED = 'mmm_replica';

const DEAD_ROWS_KEPT = '1 hour';

/** Every query on the table `replica`, by the database's clock. All throw DatabaseUnavailableError. */
@Injectable()
export class ReplicaTable {
  private readonly replica: string;
  /** The rows of those that are alive. */
  private readonly live: string;
  private readonly worker: string;
  private readonly probe: string;
  private readonly job: string;
  private readonly schema: string;

  constructor(
    private readonly database: Database,
    private readonly settings: ReplicaSettings,
    { schema }: DatabaseSettings,
  ) {
    this.schema = schema;
    this.replica = `"${schema}".replica`;
    this.live = `"${schema}".live_replica`;
    this.worker = `"${schema}".worker`;
    this.probe = `"${schema}".worker_probe`;
    this.job = `"${schema}".job`;
  }

  /**
   * The first heartbeat. Replicas join one after the other, so that of two at least one sees the other. One that is alone is settled.
   * @returns the other live replicas, which it knows from now on
   */
  async join(id: string, settings: SharedSettings): Promise<readonly OtherReplica[]> {
    return this.database.transaction('replicas', async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [this.replica]);
      const others: OtherReplica[] = await manager.query(this.othersAlive, [id]);
      await manager.query(
        `WITH me AS (
           INSERT INTO ${this.replica} AS r (id, host, version, settings, knows, settled) VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (id) DO UPDATE SET seen_at = now(), knows = excluded.knows, settled = excluded.settled RETURNING r.id)
         SELECT pg_notify('${REPLICA_CHANGED}', $7 || ' ' || id) FROM me`,
        [
          id,
          hostname(),
          VERSION,
          JSON.stringify(settings),
          others.map((other) => other.id),
          others.length === 0,
          this.schema,
        ],
      );
      return others;
    });
  }

  /** Records a heartbeat. @returns the other live replicas */
  async beat(id: string, its: Heartbeat): Promise<readonly OtherReplica[]> {
    const { drained, settings, draining, knows, settled } = its;
    return this.database.write<OtherReplica>(
      `WITH me AS (
         INSERT INTO ${this.replica} AS r (id, host, version, settings, drained, draining, knows, settled)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (id) DO UPDATE SET seen_at = now(), drained = excluded.drained, draining = excluded.draining,
           knows = excluded.knows, settled = excluded.settled OR r.settled)
       ${this.othersAlive}`,
      [
        id,
        hostname(),
        VERSION,
        JSON.stringify(settings),
        JSON.stringify(drained),
        draining === null ? null : JSON.stringify(draining),
        knows,
        settled,
      ],
    );
  }

  /** From now on this replica divides the slots by these others. */
  async acknowledge(id: string, others: readonly string[]): Promise<void> {
    await this.database.query(`UPDATE ${this.replica} SET knows = $2 WHERE id = $1`, [id, others]);
  }

  /** Lets the others look at once. */
  async announce(id: string): Promise<void> {
    await this.database.query(`SELECT pg_notify('${REPLICA_CHANGED}', $1 || ' ' || $2)`, [this.schema, id]);
  }

  /** @returns the other live replicas */
  look(id: string): Promise<readonly OtherReplica[]> {
    return this.database.query<OtherReplica>(this.othersAlive, [id]);
  }

  /** Deletes the replica's row and, by cascade, its leases. */
  async leave(id: string): Promise<void> {
    await this.database.query(
      `WITH gone AS (DELETE FROM ${this.replica} WHERE id = $1 RETURNING id)
       SELECT pg_notify('${REPLICA_CHANGED}', $2 || ' ' || id) FROM gone`,
      [id, this.schema],
    );
  }

  async purge(): Promise<void> {
    await this.database.query(
      `DELETE FROM ${this.replica} WHERE seen_at < now() - interval '${DEAD_ROWS_KEPT}'`,
    );
  }

  /**
   * Takes workers offline on which no live replica has a request left, or which have been draining for too long. A report
   * counts only for the drain it was made for: a later drain has another start time. Jobs are in the database and have
   * deadlines of their own: the worker waits for them, however long that takes.
   * @returns the ids of the workers taken offline
   */
  async takeDrainedOffline(workerIds: readonly string[]): Promise<readonly string[]> {
    const values = [workerIds, this.settings.drainTimeoutMs];
    const ready = `SELECT w.id FROM ${this.worker} w WHERE w.id = ANY ($1) AND w.admin_state = 'draining'
        AND NOT EXISTS (SELECT FROM ${this.job} j WHERE j.worker_id = w.id AND j.state IN ('submitting', 'unknown', 'running', 'cancelling'))
        AND (w.admin_state_since <= now() - $2 * interval '1 ms'
        OR NOT EXISTS (SELECT FROM ${this.live} r WHERE (r.drained ->> w.id::text)::numeric IS DISTINCT FROM floor(extract(epoch FROM w.admin_state_since) * 1000)))`;
    const found = await this.database.query<{ id: string }>(ready, values);
    if (found.length === 0) return [];
    await this.database.transaction('drained', (manager) =>
      manager.query(
        `WITH done AS MATERIALIZED (${ready} FOR NO KEY UPDATE OF w SKIP LOCKED)
         UPDATE ${this.worker} w SET admin_state = 'offline' FROM done WHERE w.id = done.id`,
        values,
      ),
    );
    return found.map((row) => row.id);
  }

  /**
   * Records for the prober that requests succeeded on these workers, to within a few seconds.
   * @returns ids of workers whose rows were locked, to be recorded later
   */
  async served(workerIds: readonly string[]): Promise<readonly string[]> {
    const due = `SELECT worker_id FROM ${this.probe} WHERE worker_id = ANY ($1)
           AND (last_served_at IS NULL OR last_served_at < now() - interval '10 s')`;
    const rows = await this.database.query<{ worker_id: string }>(
      `WITH served AS MATERIALIZED (${due} FOR NO KEY UPDATE SKIP LOCKED), noted AS (
         UPDATE ${this.probe} p SET last_served_at = now() FROM served WHERE p.worker_id = served.worker_id)
       ${due} AND worker_id NOT IN (SELECT worker_id FROM served)`,
      [workerIds],
    );
    return rows.map((row) => row.worker_id);
  }

  /**
   * Ids of workers whose credentials are sealed under one of these keys. None while a live replica has other keys, and could
   * not open what is sealed anew, or began later: of replicas with another first key, as in a rollout, the newest decides.
   */
  async sealedUnder(
    formerKeyIds: readonly string[],
    replicaId: string,
    keys: string,
    most: number,
  ): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT w.id FROM ${this.worker} w JOIN ${this.replica} me ON me.id = $2
       WHERE split_part(w.sealed_header, '.', 2) = ANY ($1) AND NOT EXISTS (
         SELECT FROM ${this.live} r WHERE r.id <> $2
           AND ((r.started_at, r.id) > (me.started_at, me.id) OR r.settings ->> 'CREDENTIALS_KEYS' IS DISTINCT FROM $3))
       ORDER BY w.id LIMIT $4`,
      [formerKeyIds, replicaId, keys, most],
    );
    return rows.map((row) => row.id);
  }

  private get othersAlive(): string {
    return `SELECT r.id, r.host, r.settings, r.draining, r.knows FROM ${this.live} l JOIN ${this.replica} r ON r.id = l.id WHERE r.id <> $1`;
  }
}
