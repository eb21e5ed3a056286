import { Injectable, Logger } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import { ReplicaIdentity } from '../../database/replica-identity.js';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import type { Worker } from '../../registry/worker.js';
import { OwnSettings, type Refusal } from '../own-settings.js';
import type { Claim } from './probe-outcome.js';

/** After this time a replica tries again: a missing secret, or a way to the worker, may be there by now. */
const RECHECK_MS = 10_000;
/** Time for other replicas to claim a probe that this one cannot make. */
export const HAND_ON_MS = 1_000;
/** At most one log line in this time names what this replica cannot call. */
const LOG_INTERVAL_MS = 60_000;

interface Claimed {
  readonly claim: Claim;
  readonly worker: Worker;
}

interface Declined {
  readonly generation: number;
  readonly untilMs: number;
}

/**
 * Workers that this replica cannot call, perhaps because of its own settings (address rules, keys or secrets) or its network.
 * Each replica records its own in `replica_fault`. Only when every live replica has recorded a worker does its health change:
 * one replica that differs takes no worker away from the others.
 */
@Injectable()
export class ReplicaFaults {
  private readonly logger = new Logger('Health');
  private readonly declined = new Map<string, Declined>();
  /** Workers with a row of this replica. */
  private readonly recorded = new Set<string>();
  private readonly fault: string;
  private readonly replica: string;
  private readonly liveReplica: string;
  private readonly worker: string;
  private loggedMs = -Infinity;

  constructor(
    private readonly database: Database,
    private readonly live: LiveWorkers,
    private readonly identity: ReplicaIdentity,
    private readonly settings: OwnSettings,
    { schema }: DatabaseSettings,
  ) {
    this.fault = `"${schema}".replica_fault`;
    this.replica = `"${schema}".replica`;
    this.liveReplica = `"${schema}".live_replica`;
    this.worker = `"${schema}".worker`;
  }

  /** Ids of the workers whose probes this replica leaves to others. */
  leftToOthers(nowMs = performance.now()): readonly string[] {
    for (const [id, { generation, untilMs }] of this.declined)
      if (nowMs >= untilMs || this.live.worker(id)?.generation !== generation) this.declined.delete(id);
    return [...this.declined.keys()];
  }

  /**
   * Records that this replica cannot call these workers.
   * @returns ids of those that no live replica can call
   * @throws DatabaseUnavailableError
   */
  async declare(probes: readonly Claimed[], reason: string): Promise<ReadonlySet<string>> {
    const nowMs = performance.now();
    const rows = await this.database.query<{ worker_id: string; is_shared: boolean }>(
      `WITH mine AS (SELECT * FROM jsonb_to_recordset($2::jsonb) AS m (worker_id uuid, generation integer)),
       declared AS (
         INSERT INTO ${this.fault} (replica_id, worker_id, generation, reason)
         SELECT r.id, m.worker_id, m.generation, $3 FROM mine m JOIN ${this.replica} r ON r.id = $1
         ON CONFLICT (worker_id, replica_id) DO UPDATE SET generation = excluded.generation, reason = excluded.reason, since = now()
         WHERE (replica_fault.generation, replica_fault.reason) IS DISTINCT FROM (excluded.generation, excluded.reason))
       SELECT m.worker_id, NOT EXISTS (
         SELECT FROM ${this.liveReplica} r
         WHERE r.id <> $1 AND NOT EXISTS (
           SELECT FROM ${this.fault} f WHERE f.replica_id = r.id AND f.worker_id = m.worker_id AND f.generation = m.generation)
       ) AS is_shared FROM mine m`,
      [
        this.identity.id,
        JSON.stringify(
          probes.map(({ claim }) => ({ worker_id: claim.workerId, generation: claim.generation })),
        ),
        reason,
      ],
    );
    const shared = new Set(rows.filter((row) => row.is_shared).map((row) => row.worker_id));
    for (const { claim } of probes) {
      this.recorded.add(claim.workerId);
      if (shared.has(claim.workerId)) this.declined.delete(claim.workerId);
      else this.declined.set(claim.workerId, { generation: claim.generation, untilMs: nowMs + RECHECK_MS });
    }
    this.log(
      probes.filter(({ claim }) => !shared.has(claim.workerId)),
      reason,
      nowMs,
    );
    return shared;
  }

  /**
   * Records all that the settings refuse, before any probe.
   * @returns whether another live replica can call one of them; `null`: not known yet, because this replica has no row
   * @throws DatabaseUnavailableError
   */
  async canOthersCall(refusals: readonly Refusal[]): Promise<boolean | null> {
    const rows = await this.database.query<{ others_can: boolean | null }>(
      `WITH mine AS (
         SELECT m.* FROM jsonb_to_recordset($2::jsonb) AS m (worker_id uuid, generation integer, reason text)
           JOIN ${this.worker} w ON w.id = m.worker_id),
       declared AS (
         INSERT INTO ${this.fault} (replica_id, worker_id, generation, reason)
         SELECT r.id, m.worker_id, m.generation, m.reason FROM mine m JOIN ${this.replica} r ON r.id = $1
         ON CONFLICT (worker_id, replica_id) DO UPDATE SET generation = excluded.generation, reason = excluded.reason, since = now()
         WHERE (replica_fault.generation, replica_fault.reason) IS DISTINCT FROM (excluded.generation, excluded.reason))
       SELECT EXISTS (
         SELECT FROM ${this.liveReplica} r CROSS JOIN mine m
         WHERE r.id <> $1 AND r.draining IS NULL AND NOT EXISTS (
           SELECT FROM ${this.fault} f WHERE f.replica_id = r.id AND f.worker_id = m.worker_id AND f.generation = m.generation)
       ) AS others_can FROM ${this.replica} me WHERE me.id = $1`,
      [
        this.identity.id,
        JSON.stringify(
          refusals.map(({ worker: { id, generation }, reason }) => ({ worker_id: id, generation, reason })),
        ),
      ],
    );
    if (rows.length > 0) for (const { worker } of refusals) this.recorded.add(worker.id);
    return rows[0]?.others_can ?? null;
  }

  /** This replica can call these workers, perhaps again. @throws DatabaseUnavailableError */
  async withdraw(workers: readonly Worker[]): Promise<void> {
    // A default probe needs no secret, and requests do.
    const mine = workers
      .filter((worker) => this.recorded.has(worker.id) && this.settings.refusalOf(worker) === null)
      .map(({ id }) => id);
    if (mine.length === 0) return;
    for (const id of mine) this.recorded.delete(id);
    await this.database.query(
      `DELETE FROM ${this.fault} WHERE replica_id = $1 AND worker_id = ANY ($2::uuid[])`,
      [this.identity.id, mine],
    );
  }

  private log([first]: readonly Claimed[], reason: string, nowMs: number): void {
    if (first === undefined || nowMs - this.loggedMs < LOG_INTERVAL_MS) return;
    this.loggedMs = nowMs;
    const { modelName, id } = first.worker;
    this.logger.warn(
      `this replica cannot call ${this.declined.size} worker(s), such as ${modelName} (worker ${id}): ${reason}. ` +
        'Its settings or its network differ from those of other replicas, which go on probing; the table replica_fault lists all',
    );
  }
}
