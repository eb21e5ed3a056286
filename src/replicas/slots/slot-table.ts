import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import { Replicas } from '../replicas.js';

/** A slot of a worker, from 0. */
export interface Slot {
  readonly workerId: string;
  readonly slot: number;
}

export interface LeasedSlot extends Slot {
  /** Remaining time of the lease. */
  readonly leftMs: number;
}

export interface SlotView {
  readonly mine: readonly LeasedSlot[];
  /** Worker id → how many other replicas request a slot of it. */
  readonly slotRequests: ReadonlyMap<string, number>;
}

interface ViewRow {
  readonly worker_id: string;
  /** `null`: `number` counts the slot requests of other replicas. */
  readonly slot: number | null;
  readonly number: number;
}

/** Shorter than a request waits in the queue (10 s), so the slots of a killed replica are free before waiting requests fail. */
export const LEASE_MS = 8_000;
/** The new holder renews a slot that was handed over; if it is dead, the lease ends soon. */
const HANDED_MS = 2_000;
export const REQUEST_MS = 2_000;

const inMs = (ms: number): string => `now() + interval '${ms} ms'`;

/** Every query on `worker_slot` and `worker_slot_wish`, by the database's clock. All throw DatabaseUnavailableError. */
@Injectable()
export class SlotTable {
  private readonly slot: string;
  private readonly request: string;

  constructor(
    private readonly database: Database,
    private readonly replicas: Replicas,
    { schema }: DatabaseSettings,
  ) {
    this.slot = `"${schema}".worker_slot`;
    this.request = `"${schema}".worker_slot_wish`;
  }

  private get me(): string {
    return this.replicas.id;
  }

  async look(workerIds: readonly string[]): Promise<SlotView> {
    const rows = await this.database.query<ViewRow>(
      `SELECT worker_id, slot, extract(epoch FROM lease_until - now())::float8 * 1000 AS number
       FROM ${this.slot} WHERE replica_id = $1 AND lease_until > now()
       UNION ALL
       SELECT worker_id, NULL, count(*) FROM ${this.request}
       WHERE worker_id = ANY ($2) AND replica_id <> $1 AND wished_until > now() GROUP BY worker_id`,
      [this.me, workerIds],
    );
    return {
      mine: rows.flatMap(({ worker_id, slot, number }) =>
        slot === null ? [] : [{ workerId: worker_id, slot, leftMs: number }],
      ),
      slotRequests: new Map(
        rows.filter(({ slot }) => slot === null).map((row) => [row.worker_id, row.number]),
      ),
    };
  }

  /** Renews this replica's unexpired leases on these workers. */
  async renew(workerIds: readonly string[]): Promise<void> {
    await this.database.query(
      `UPDATE ${this.slot} SET lease_until = ${inMs(LEASE_MS)}
       WHERE replica_id = $1 AND worker_id = ANY ($2) AND lease_until > now()`,
      [this.me, workerIds],
    );
  }

  /**
   * Takes free slots, up to `most` of each worker. The primary key decides between two replicas that take the same slot.
   * @returns the slots that were taken
   */
  async take(
    wanted: readonly { readonly workerId: string; readonly cap: number; readonly most: number }[],
  ): Promise<readonly Slot[]> {
    const rows = await this.database.query<{ worker_id: string; slot: number }>(
      `INSERT INTO ${this.slot} AS s (worker_id, slot, replica_id, lease_until)
       SELECT worker_id, slot, $1, ${inMs(LEASE_MS)} FROM (
         SELECT w.worker_id, n.slot, w.most, row_number() OVER (PARTITION BY w.worker_id ORDER BY n.slot) AS nth
         FROM jsonb_to_recordset($2::jsonb) AS w (worker_id uuid, cap integer, most integer),
           generate_series(0, w.cap - 1) AS n (slot)
         WHERE NOT EXISTS (SELECT FROM ${this.slot} t
           WHERE t.worker_id = w.worker_id AND t.slot = n.slot AND t.lease_until > now())) AS free
       WHERE nth <= most ORDER BY worker_id, slot
       ON CONFLICT (worker_id, slot) DO UPDATE SET replica_id = excluded.replica_id, lease_until = excluded.lease_until
         WHERE s.lease_until <= now()
       RETURNING worker_id, slot`,
      [
        this.me,
        JSON.stringify(wanted.map(({ workerId, cap, most }) => ({ worker_id: workerId, cap, most }))),
      ],
    );
    return rows.map(({ worker_id, slot }) => ({ workerId: worker_id, slot }));
  }

  /**
   * Hands the slot to the next replica, in the order of ids, that requests one, so that each gets its turn.
   * @returns whether a replica requested one
   */
  async handOver({ workerId, slot }: Slot): Promise<boolean> {
    const rows = await this.database.query(
      `WITH next_holder AS (
         DELETE FROM ${this.request} WHERE (worker_id, replica_id) = (
           SELECT worker_id, replica_id FROM ${this.request}
           WHERE worker_id = $2 AND replica_id <> $1 AND wished_until > now()
           ORDER BY replica_id < $1, replica_id LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING replica_id)
       UPDATE ${this.slot} s SET replica_id = next_holder.replica_id, lease_until = ${inMs(HANDED_MS)}
       FROM next_holder WHERE s.worker_id = $2 AND s.slot = $3 AND s.replica_id = $1 RETURNING s.slot`,
      [this.me, workerId, slot],
    );
    return rows.length > 0;
  }

  async release(slots: readonly Slot[]): Promise<void> {
    await this.database.query(
      `DELETE FROM ${this.slot} s USING jsonb_to_recordset($2::jsonb) AS done (worker_id uuid, slot integer)
       WHERE s.replica_id = $1 AND s.worker_id = done.worker_id AND s.slot = done.slot`,
      [this.me, JSON.stringify(slots.map(({ workerId, slot }) => ({ worker_id: workerId, slot })))],
    );
  }

  async requestSlots(workerIds: readonly string[]): Promise<void> {
    await this.database.query(
      `INSERT INTO ${this.request} (worker_id, replica_id, wished_until)
       SELECT id, $1, ${inMs(REQUEST_MS)} FROM unnest($2::uuid[]) AS id ORDER BY id
       ON CONFLICT (worker_id, replica_id) DO UPDATE SET wished_until = excluded.wished_until`,
      [this.me, workerIds],
    );
  }

  /** @returns the workers of which a request was there; another replica may have handed over a slot of the rest */
  async cancelRequests(workerIds: readonly string[]): Promise<readonly string[]> {
    const rows = await this.database.query<{ worker_id: string }>(
      `DELETE FROM ${this.request} WHERE replica_id = $1 AND worker_id = ANY ($2) RETURNING worker_id`,
      [this.me, workerIds],
    );
    return rows.map(({ worker_id }) => worker_id);
  }
}
