import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DatabaseSettings } from '../config/settings.js';
import { type Actor, Database } from '../database/database.js';
import type { Kept } from '../registry/poll.js';
import type { JobKind, PublicState } from './job.js';
import { JOB_COLUMNS, type JobRow, type StoredFile } from './job-rows.js';

export interface NewJobRow {
  readonly id: string;
  readonly modelName: string;
  readonly ownerKey: string;
  readonly actor: Actor;
  readonly kind: JobKind;
  readonly mode: 'poll' | 'call';
  /** JSON, without input files. */
  readonly request: string;
  readonly files: readonly Buffer[];
  readonly unable: readonly string[];
  readonly queueMs: number;
  readonly idempotencyKey: string | null;
  readonly requestHash: string | null;
  readonly requestId: string;
  readonly webhookUrl: string | null;
}

export type Insertion =
  | { readonly kind: 'created'; readonly row: JobRow }
  | { readonly kind: 'exists'; readonly row: JobRow; readonly requestHash: string | null }
  | { readonly kind: 'queue_full' | 'inputs_full' };

export interface ListFilter {
  /** `null`: of all owners. */
  readonly ownerKey: string | null;
  readonly kind?: JobKind | undefined;
  readonly status?: PublicState | undefined;
  readonly model?: string | undefined;
  /** The id of the last job of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
  readonly order: 'asc' | 'desc';
}

/** Jobs of one model in one state. */
export interface JobCount {
  readonly model_name: string;
  readonly state: string;
  readonly n: number;
  /** Since the creation of the oldest of them. */
  readonly oldest_s: number;
}

export interface JobContentRow {
  readonly id: string;
  readonly model_name: string;
  readonly worker_id: string | null;
  readonly request_id: string;
  readonly kept: Kept;
  /** `filesOf` reads it. */
  readonly result: unknown;
}

export const PART_BYTES = 1024 * 1024;

/**
 * What requests read and write of the table `job`; the runner's statements are in `job-leases.ts`. All throw
 * DatabaseUnavailableError. The file is long because these statements are read together.
 */
@Injectable()
export class JobTable {
  private readonly job: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.job = `"${schema}".job`;
  }

  /** Of several requests with one idempotency key, one makes the job. */
  insert(row: NewJobRow, mostQueued: number, mostInputBytes: number): Promise<Insertion> {
    return this.database.transaction(row.actor, async (manager) => {
      const size = row.files.reduce((sum, file) => sum + file.length, 0);
      if (size > 0 && (await this.inputBytes(manager)) + size > mostInputBytes)
        return { kind: 'inputs_full' };
      const [made]: (JobRow | { readonly id: null })[] = await manager.query(
        `WITH waiting AS MATERIALIZED (
           SELECT count(*) AS n FROM (SELECT FROM ${this.job} WHERE state = 'queued' AND model_name = $2 LIMIT $14) AS queued),
         made AS (
           INSERT INTO ${this.job} (id, model_name, owner_key, kind, mode, request, input_bytes, unable, queue_until,
             idempotency_key, request_hash, request_id, webhook_url)
           SELECT $1::uuid, $2, $3, $4, $5, $6::json, $7::bigint, $8::uuid[], now() + $9 * interval '1 ms', $10, $11, $12, $13
           FROM waiting WHERE n < $14
           ON CONFLICT (owner_key, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
           RETURNING ${JOB_COLUMNS})
         SELECT made.* FROM waiting LEFT JOIN made ON true`,
        [
          row.id,
          row.modelName,
          row.ownerKey,
          row.kind,
          row.mode,
          row.request,
          size,
          row.unable,
          row.queueMs,
          row.idempotencyKey,
          row.requestHash,
          row.requestId,
          row.webhookUrl,
          mostQueued,
        ],
      );
      if (made === undefined || made.id === null) {
        // A repetition is answered also while the queue is full.
        const existing = await this.withKey(manager, row);
        if (existing === undefined) return { kind: 'queue_full' };
        return { kind: 'exists', row: existing, requestHash: existing.request_hash };
      }
      await this.insertFiles(manager, row);
      return { kind: 'created', row: made };
    });
  }

  async find(id: string): Promise<JobRow | undefined> {
    return (await this.findAll([id]))[0];
  }

  findAll(ids: readonly string[]): Promise<JobRow[]> {
    return this.database.query(
      `SELECT ${JOB_COLUMNS} FROM ${this.job} WHERE id = ANY ($1) AND removed_at IS NULL`,
      [ids],
    );
  }

  /** What fetching a file of a finished job needs. */
  async contentOf(id: string): Promise<JobContentRow | undefined> {
    const rows = await this.database.query<JobContentRow>(
      `SELECT id, model_name, worker_id, request_id, kept, result FROM ${this.job}
       WHERE id = $1 AND state = 'succeeded' AND removed_at IS NULL`,
      [id],
    );
    return rows[0];
  }

  /** The upstream gave new URLs for the files of a finished job. */
  async renewResult(id: string, files: readonly StoredFile[]): Promise<void> {
    await this.database.query(
      `UPDATE ${this.job} SET result = $2::json WHERE id = $1 AND state = 'succeeded'`,
      [id, JSON.stringify(files)],
    );
  }

  /** Jobs that have not ended, by model and state. */
  counts(): Promise<JobCount[]> {
    return this.database.query(
      `SELECT model_name, state, count(*)::integer AS n, extract(epoch FROM now() - min(created_at))::float8 AS oldest_s
       FROM ${this.job} WHERE ended_at IS NULL GROUP BY model_name, state`,
    );
  }

  /** A job of the same request that lives, or ended within this time. */
  async findRepeated(
    ownerKey: string,
    modelName: string,
    requestHash: string,
    withinMs: number,
  ): Promise<JobRow | undefined> {
    const rows = await this.database.query<JobRow>(
      `SELECT ${JOB_COLUMNS} FROM ${this.job}
       WHERE owner_key = $1 AND created_at > now() - interval '1 day' AND model_name = $2 AND request_hash = $3
         AND (ended_at IS NULL OR ended_at > now() - $4 * interval '1 ms')
       ORDER BY created_at DESC LIMIT 1`,
      [ownerKey, modelName, requestHash, withinMs],
    );
    return rows[0];
  }

  /** One more than `limit`, if there are more. */
  list({ ownerKey, kind, status, model, after, limit, order }: ListFilter): Promise<JobRow[]> {
    const [behind, direction] = order === 'asc' ? ['>', 'ASC'] : ['<', 'DESC'];
    return this.database.query(
      `SELECT ${JOB_COLUMNS} FROM ${this.job}
       WHERE removed_at IS NULL AND ($1::text IS NULL OR owner_key = $1) AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR model_name = $3)
         AND ($4::text IS NULL OR CASE WHEN state IN ('submitting', 'unknown', 'cancelling') THEN 'running' ELSE state END = $4)
         AND ($5::uuid IS NULL OR (created_at, id) ${behind} (SELECT created_at, id FROM ${this.job} WHERE id = $5))
       ORDER BY created_at ${direction}, id ${direction} LIMIT $6`,
      [ownerKey, kind ?? null, model ?? null, status ?? null, after ?? null, limit + 1],
    );
  }

  /** The trigger decides what it means in the job's state. @returns the job afterwards; `undefined`: there is none */
  cancel(id: string, actor: Actor): Promise<JobRow | undefined> {
    return this.database.transaction(actor, async (manager) => {
      await manager.query(
        `UPDATE ${this.job} SET cancel_wanted = true WHERE id = $1 AND ended_at IS NULL AND NOT cancel_wanted`,
        [id],
      );
      await manager.query(
        `DELETE FROM ${this.job}_file f USING ${this.job} j WHERE f.job_id = $1 AND f.role = 'input' AND j.id = f.job_id AND j.ended_at IS NOT NULL`,
        [id],
      );
      const rows: JobRow[] = await manager.query(
        `SELECT ${JOB_COLUMNS} FROM ${this.job} WHERE id = $1 AND removed_at IS NULL`,
        [id],
      );
      return rows[0];
    });
  }

  /**
   * Hides the job and cancels it; the row is deleted once it has ended. Its idempotency key is free at once, as it is when
   * the row is gone: a repetition makes a new job. @returns whether it was there */
  remove(id: string, actor: Actor): Promise<boolean> {
    return this.database.transaction(actor, async (manager) => {
      await manager.query(
        `UPDATE ${this.job} SET cancel_wanted = true WHERE id = $1 AND ended_at IS NULL AND NOT cancel_wanted`,
        [id],
      );
      const answer: unknown = await manager.query(
        `UPDATE ${this.job} SET removed_at = now(), idempotency_key = NULL WHERE id = $1 AND removed_at IS NULL`,
        [id],
      );
      return Array.isArray(answer) && answer[1] === 1;
    });
  }

  /** Deletes up to `most` jobs that ended so long ago, or were removed. @returns how many */
  async purge(retentionMs: number, most: number): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM ${this.job} WHERE id IN (
         SELECT id FROM ${this.job} WHERE ended_at < now() - CASE WHEN removed_at IS NULL THEN $1 ELSE 0 END * interval '1 ms'
         ORDER BY ended_at LIMIT $2
         FOR UPDATE SKIP LOCKED) RETURNING id`,
      [retentionMs, most],
    );
    return rows.length;
  }

  private async withKey(
    manager: EntityManager,
    { ownerKey, idempotencyKey }: NewJobRow,
  ): Promise<(JobRow & { readonly request_hash: string | null }) | undefined> {
    if (idempotencyKey === null) return undefined;
    const rows: (JobRow & { readonly request_hash: string | null })[] = await manager.query(
      `SELECT ${JOB_COLUMNS}, request_hash FROM ${this.job} WHERE owner_key = $1 AND idempotency_key = $2`,
      [ownerKey, idempotencyKey],
    );
    return rows[0];
  }

  private async insertFiles(manager: EntityManager, { id, files }: NewJobRow): Promise<void> {
    for (const [number, file] of files.entries())
      for (let part = 0; part * PART_BYTES < file.length; part++)
        await manager.query(
          `INSERT INTO ${this.job}_file (job_id, role, number, copy, part, bytes) VALUES ($1, 'input', $2, 0, $3, $4)`,
          [id, number, part, file.subarray(part * PART_BYTES, (part + 1) * PART_BYTES)],
        );
  }

  private async inputBytes(manager: EntityManager): Promise<number> {
    const rows: { readonly bytes: string }[] = await manager.query(
      `SELECT coalesce(sum(input_bytes), 0) AS bytes FROM ${this.job} WHERE state IN ('queued', 'submitting', 'unknown')`,
    );
    return Number(rows[0]?.bytes ?? 0);
  }
}
