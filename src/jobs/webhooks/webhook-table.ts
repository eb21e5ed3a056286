import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';

/** A report that this replica sends now. */
export interface ClaimedWebhook {
  readonly job_id: string;
  readonly url: string;
  readonly state: 'succeeded' | 'failed' | 'cancelled';
  /** `null`: not written yet. */
  readonly body: string | null;
  /** This one included. */
  readonly tries: number;
}

/** How a try ended. */
export interface WebhookResult {
  readonly delivered: boolean;
  readonly status: number | null;
  readonly error: string;
  /** Milliseconds to the next try; `null`: it was the last. */
  readonly nextInMs: number | null;
}

/** Longer than a try takes. */
const LEASE_S = 30;

/** The statements on `job_webhook`. All throw DatabaseUnavailableError. */
@Injectable()
export class WebhookTable {
  private readonly table: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.table = `"${schema}".job_webhook`;
  }

  /** Claims what is due. `tries` is the fence: a replica that lost the lease records nothing. */
  claim(most: number): Promise<ClaimedWebhook[]> {
    return this.database.query(
      `WITH due AS MATERIALIZED (
         SELECT job_id FROM ${this.table} WHERE due_at <= now() AND (lease_until IS NULL OR lease_until <= now())
         ORDER BY due_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
       UPDATE ${this.table} AS w SET lease_until = now() + $2 * interval '1 s', tries = w.tries + 1
       FROM due WHERE w.job_id = due.job_id RETURNING w.job_id, w.url, w.state, w.body, w.tries`,
      [most, LEASE_S],
    );
  }

  /** The body stays the same from the first try on: receivers know repetitions by their id. */
  async keepBody({ job_id, tries }: ClaimedWebhook, body: string): Promise<void> {
    await this.database.query(`UPDATE ${this.table} SET body = $3 WHERE job_id = $1 AND tries = $2`, [
      job_id,
      tries,
      body,
    ]);
  }

  async record(
    { job_id, tries }: ClaimedWebhook,
    { delivered, status, error, nextInMs }: WebhookResult,
  ): Promise<void> {
    await this.database.query(
      `UPDATE ${this.table} SET lease_until = NULL, delivered = $3, last_status = $4, last_error = $5,
         due_at = now() + $6 * interval '1 ms', ended_at = CASE WHEN $6::float8 IS NULL THEN now() END
       WHERE job_id = $1 AND tries = $2`,
      [job_id, tries, delivered, status, error, nextInMs],
    );
  }

  async purge(retentionMs: number): Promise<void> {
    await this.database.query(`DELETE FROM ${this.table} WHERE ended_at < now() - $1 * interval '1 ms'`, [
      retentionMs,
    ]);
  }
}
