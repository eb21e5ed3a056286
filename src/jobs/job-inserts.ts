import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DatabaseSettings } from '../config/settings.js';
import { type Actor, Database } from '../database/database.js';
import { PART_BYTES } from './files/job-files.js';
import type { Priority } from '../config/balancing-settings.js';
import type { JobKind } from './job.js';
import { jobColumns, type JobRow } from './job-rows.js';

export interface NewJobRow {
  readonly id: string;
  readonly modelName: string;
  readonly ownerKey: string;
  readonly tenant: string;
  readonly actor: Actor;
  readonly kind: JobKind;
  readonly priority: Priority;
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

/** New rows of the table `job`, with their input files. All throw DatabaseUnavailableError. */
@Injectable()
export class JobInserts {
  private readonly job: string;
  private readonly columns: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.job = `"${schema}".job`;
    this.columns = jobColumns(schema);
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
             idempotency_key, request_hash, request_id, webhook_url, priority, tenant)
           SELECT $1::uuid, $2, $3, $4, $5, $6::json, $7::bigint, $8::uuid[], now() + $9 * interval '1 ms', $10, $11, $12, $13, $15, $16
           FROM waiting WHERE n < $14
           ON CONFLICT (owner_key, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
           RETURNING ${this.columns})
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
          row.priority,
          row.tenant,
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

  private async withKey(
    manager: EntityManager,
    { ownerKey, idempotencyKey }: NewJobRow,
  ): Promise<(JobRow & { readonly request_hash: string | null }) | undefined> {
    if (idempotencyKey === null) return undefined;
    const rows: (JobRow & { readonly request_hash: string | null })[] = await manager.query(
      `SELECT ${this.columns}, request_hash FROM ${this.job} WHERE owner_key = $1 AND idempotency_key = $2`,
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
