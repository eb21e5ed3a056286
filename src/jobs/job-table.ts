import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../config/settings.js';
import { type Actor, Database } from '../database/database.js';
import type { Kept } from '../registry/poll.js';
import type { JobKind, PublicState } from './job.js';
import { jobColumns, type JobRow, type StoredFile } from './job-rows.js';

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

/**
 * What requests read and write of the table `job`; new jobs are in `job-inserts.ts`, the runner's statements in
 * `engine/job-leases.ts`. All throw DatabaseUnavailableError.
 */
@Injectable()
export class JobTable {
  private readonly job: string;
  private readonly columns: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.job = `"${schema}".job`;
    this.columns = jobColumns(schema);
  }

  async find(id: string): Promise<JobRow | undefined> {
    return (await this.findAll([id]))[0];
  }

  findAll(ids: readonly string[]): Promise<JobRow[]> {
    return this.database.query(
      `SELECT ${this.columns} FROM ${this.job} WHERE id = ANY ($1) AND removed_at IS NULL`,
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
      `SELECT ${this.columns} FROM ${this.job}
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
      `SELECT ${this.columns} FROM ${this.job}
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
        `SELECT ${this.columns} FROM ${this.job} WHERE id = $1 AND removed_at IS NULL`,
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
}
