import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../config/settings.js';
import { Database } from '../database/database.js';
import { ReplicaIdentity } from '../database/replica-identity.js';
import type { UsageSum } from './usage-sums.js';

/** Days that usage is kept: a year, and the month in which it is compared. */
const RETENTION_DAYS = 400;
/** Days after which a replica cannot come back with a batch. */
const BATCH_DAYS = 30;
/** Rows of one transaction. */
const SLICE = 10_000;

/** The writes of `usage_hourly` and `usage_batch`. All throw DatabaseUnavailableError when there is no database. */
@Injectable()
export class UsageTable {
  private readonly hourly: string;
  private readonly batch: string;

  constructor(
    private readonly database: Database,
    private readonly identity: ReplicaIdentity,
    { schema }: DatabaseSettings,
  ) {
    this.hourly = `"${schema}".usage_hourly`;
    this.batch = `"${schema}".usage_batch`;
  }

  /**
   * Adds a batch, unless it was added before: the answer to the first try may have been lost. One statement is one
   * transaction. Replicas lock rows in one order, so that they never wait for each other in a circle.
   * @param sequence rises with every batch of this replica
   */
  async add(sequence: number, rows: readonly UsageSum[]): Promise<void> {
    await this.database.query(
      `WITH fresh AS (
         INSERT INTO ${this.batch} (replica_id, sequence) VALUES ($1, $2)
         ON CONFLICT (replica_id) DO UPDATE SET sequence = EXCLUDED.sequence, at = now() WHERE usage_batch.sequence < EXCLUDED.sequence
         RETURNING replica_id)
       INSERT INTO ${this.hourly} (hour, key_id, key_name, team, model, worker_id, currency, requests, errors_caller, errors_worker,
         errors_service, limited, input_tokens, cached_tokens, output_tokens, estimated_tokens, images, seconds, cost)
       SELECT to_timestamp(r.hour / 1000), r."keyId", r."keyName", r.team, r.model, r."workerId", r.currency, r.requests, r."errorsCaller",
         r."errorsWorker", r."errorsService", r.limited, r.input, r.cached, r.output, r.estimated, r.images, r.seconds,
         CASE WHEN r.currency <> '' THEN round(r.cost::numeric, 12) END
       FROM fresh, json_to_recordset($3::json) AS r (hour bigint, "keyId" uuid, "keyName" text, team text, model text, "workerId" uuid,
         currency text, requests bigint, "errorsCaller" bigint, "errorsWorker" bigint, "errorsService" bigint, limited bigint,
         input bigint, cached bigint, output bigint, estimated bigint, images bigint, seconds double precision, cost numeric)
       ORDER BY 1, 2, r.team, r.model, 6, r.currency
       ON CONFLICT (hour, key_id, team, model, worker_id, currency) DO UPDATE SET
         key_name = EXCLUDED.key_name, requests = usage_hourly.requests + EXCLUDED.requests,
         errors_caller = usage_hourly.errors_caller + EXCLUDED.errors_caller,
         errors_worker = usage_hourly.errors_worker + EXCLUDED.errors_worker,
         errors_service = usage_hourly.errors_service + EXCLUDED.errors_service,
         limited = usage_hourly.limited + EXCLUDED.limited, input_tokens = usage_hourly.input_tokens + EXCLUDED.input_tokens,
         cached_tokens = usage_hourly.cached_tokens + EXCLUDED.cached_tokens,
         output_tokens = usage_hourly.output_tokens + EXCLUDED.output_tokens,
         estimated_tokens = usage_hourly.estimated_tokens + EXCLUDED.estimated_tokens,
         images = usage_hourly.images + EXCLUDED.images, seconds = usage_hourly.seconds + EXCLUDED.seconds,
         cost = usage_hourly.cost + EXCLUDED.cost`,
      [this.identity.id, sequence, JSON.stringify(rows)],
    );
  }

  /** Deletes old rows, in slices, each a transaction of its own. */
  async purge(): Promise<void> {
    for (let deleted = SLICE; deleted === SLICE;) {
      const [row] = await this.database.query<{ deleted: number }>(
        `WITH old AS (SELECT ctid FROM ${this.hourly} WHERE hour < now() - make_interval(days => $1) LIMIT ${SLICE}),
         gone AS (DELETE FROM ${this.hourly} WHERE ctid = ANY (ARRAY(SELECT ctid FROM old)) RETURNING 1)
         SELECT count(*)::integer AS deleted FROM gone`,
        [RETENTION_DAYS],
      );
      deleted = row?.deleted ?? 0;
    }
    await this.database.query(`DELETE FROM ${this.batch} WHERE at < now() - make_interval(days => $1)`, [
      BATCH_DAYS,
    ]);
  }
}
