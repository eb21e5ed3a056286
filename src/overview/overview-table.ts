import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../config/settings.js';
import { Database } from '../database/database.js';
import { ReplicaIdentity } from '../database/replica-identity.js';
import type { Load } from '../registry/live/worker-activity.js';
import type { Counts } from './traffic.js';
import type { MinuteRow } from './traffic-sums.js';

/** The column `replica.load`. A replica of the release before has none of it. */
export interface ReplicaLoad extends Load {
  /** All running requests. */
  readonly total: number;
  readonly minute: Counts;
}

export interface OverviewRows {
  readonly replicas: readonly {
    readonly id: string;
    readonly host: string;
    readonly seen_at: string;
    readonly load: Partial<Omit<ReplicaLoad, 'running'>>;
  }[];
  readonly minutes: readonly {
    /** Since 1970. */
    readonly minute: number;
    readonly requests: number;
    readonly failed: number;
    readonly first_tokens: readonly number[];
    readonly running: number;
    readonly waiting: number;
  }[];
  /** Workers that are ejected, and at how many live replicas. */
  readonly ejected: Readonly<Record<string, number>>;
  readonly offline: number;
}

/** What replicas write of themselves, and read of all. All throw DatabaseUnavailableError when there is no database. */
@Injectable()
export class OverviewTable {
  private readonly schema: string;

  constructor(
    private readonly database: Database,
    private readonly identity: ReplicaIdentity,
    { schema }: DatabaseSettings,
  ) {
    this.schema = `"${schema}"`;
  }

  /** @returns false: this replica has not reported itself yet */
  async writeLoad(load: string): Promise<boolean> {
    const rows = await this.database.query(
      `WITH me AS (UPDATE ${this.schema}.replica SET load = $2::jsonb WHERE id = $1 RETURNING id) SELECT id FROM me`,
      [this.identity.id, load],
    );
    return rows.length > 0;
  }

  /** A minute is written once; a retry whose first try came through changes nothing. */
  async writeMinutes(rows: readonly MinuteRow[]): Promise<void> {
    await this.database.query(
      `INSERT INTO ${this.schema}.replica_minute (replica_id, minute, requests, failed, saved_by_retry, first_tokens, running, waiting)
       SELECT $1, to_timestamp(r."minuteMs" / 1000), r.requests, r.failed, r.saved, r."firstTokens", r.running, r.waiting
       FROM json_to_recordset($2::json) AS r ("minuteMs" bigint, requests integer, failed integer, saved integer,
         "firstTokens" integer[], running real, waiting real)
       ON CONFLICT (minute, replica_id) DO NOTHING`,
      [
        this.identity.id,
        JSON.stringify(
          rows.map(({ minuteMs, running, waiting, counts }) => ({
            minuteMs,
            running,
            waiting,
            requests: counts.requests,
            failed: counts.failed,
            saved: counts.savedByRetry,
            firstTokens: counts.firstTokens,
          })),
        ),
      ],
    );
  }

  async purge(): Promise<void> {
    await this.database.query(
      `DELETE FROM ${this.schema}.replica_minute WHERE minute < now() - interval '2 hours'`,
    );
  }

  async read(): Promise<OverviewRows> {
    const [row] = await this.database.query<OverviewRows>(
      `SELECT
         (SELECT coalesce(json_agg(json_build_object('id', id, 'host', host, 'seen_at', seen_at, 'load', load - 'running') ORDER BY started_at, id), '[]')
          FROM ${this.schema}.live_replica) AS replicas,
         (SELECT coalesce(json_agg(json_build_object('minute', extract(epoch FROM minute) / 60, 'requests', requests, 'failed', failed,
            'first_tokens', first_tokens, 'running', running, 'waiting', waiting)), '[]')
          FROM ${this.schema}.replica_minute WHERE minute > now() - interval '62 minutes') AS minutes,
         (SELECT coalesce(json_object_agg(worker_id, replicas), '{}') FROM (
            SELECT t.worker_id, count(*) AS replicas FROM ${this.schema}.worker_trouble t JOIN ${this.schema}.live_replica r ON r.id = t.replica_id
              JOIN ${this.schema}.worker w ON w.id = t.worker_id AND w.generation = t.generation
            WHERE t.state = 'ejected' AND t.until > now() GROUP BY t.worker_id) AS e) AS ejected,
         (SELECT count(*)::integer FROM ${this.schema}.worker WHERE admin_state = 'offline') AS offline`,
    );
    if (row === undefined) throw new RangeError('a SELECT without FROM has a row');
    return row;
  }
}
