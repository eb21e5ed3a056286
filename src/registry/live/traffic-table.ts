import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import { ReplicaIdentity } from '../../database/replica-identity.js';
import { addCounts, type FirstTokens, noFirstTokens, quantileMs } from '../../telemetry/first-tokens.js';

/** What a worker served for this replica in five minutes. */
export interface WorkerTraffic {
  readonly workerId: string;
  readonly modelName: string;
  readonly atMs: number;
  readonly requests: number;
  readonly failed: number;
  readonly firstTokens: FirstTokens | null;
}

/** Of all replicas together. */
export interface TrafficFigures {
  readonly running: number;
  readonly requests_1h: number;
  /** Of the requests of its model; `null`: it had none. */
  readonly share_1h: number | null;
  readonly failed_1h: number;
  readonly ttft_p50_ms: number | null;
}

interface TrafficRow {
  readonly worker_id: string;
  readonly requests: number;
  readonly failed: number;
  readonly first_tokens: readonly number[] | null;
}

/** The table `worker_traffic`, and its sums by model. All throw DatabaseUnavailableError when there is no database. */
@Injectable()
export class TrafficTable {
  private readonly traffic: string;
  private readonly ofModels: string;
  private readonly liveReplica: string;

  constructor(
    private readonly database: Database,
    private readonly identity: ReplicaIdentity,
    { schema }: DatabaseSettings,
  ) {
    this.traffic = `"${schema}".worker_traffic`;
    this.ofModels = `"${schema}".model_traffic`;
    this.liveReplica = `"${schema}".live_replica`;
  }

  /** Only this replica writes these rows, so what they hold more than before is what its models get. */
  async write(rows: readonly WorkerTraffic[]): Promise<void> {
    await this.database.query(
      `WITH r AS MATERIALIZED (
         SELECT "workerId" AS worker_id, to_timestamp("atMs" / 1000) AS at, "modelName" AS model_name, requests, failed, "firstTokens" AS first_tokens
         FROM json_to_recordset($2::json) AS r ("workerId" uuid, "atMs" bigint, "modelName" text, requests integer, failed integer, "firstTokens" integer[])),
       more AS MATERIALIZED (
         SELECT r.model_name, r.at, sum(r.requests - coalesce(t.requests, 0)) AS requests
         FROM r LEFT JOIN ${this.traffic} t ON t.worker_id = r.worker_id AND t.at = r.at AND t.replica_id = $1 GROUP BY r.model_name, r.at),
       of_workers AS (
         INSERT INTO ${this.traffic} (worker_id, at, replica_id, model_name, requests, failed, first_tokens)
         SELECT worker_id, at, $1, model_name, requests, failed, first_tokens FROM r
         ON CONFLICT (worker_id, at, replica_id) DO UPDATE SET requests = excluded.requests, failed = excluded.failed, first_tokens = excluded.first_tokens)
       INSERT INTO ${this.ofModels} AS m (model_name, at, replica_id, requests) SELECT model_name, at, $1, requests FROM more
       ON CONFLICT (model_name, at, replica_id) DO UPDATE SET requests = m.requests + excluded.requests`,
      [this.identity.id, JSON.stringify(rows)],
    );
  }

  async purge(): Promise<void> {
    for (const table of [this.traffic, this.ofModels])
      await this.database.query(`DELETE FROM ${table} WHERE at < now() - interval '2 hours'`);
  }

  /** A function that knows the figures of these workers in the last hour, to five minutes. */
  async figuresOf(
    workers: readonly { readonly id: string; readonly model_name: string }[],
  ): Promise<(worker: { readonly id: string; readonly model_name: string }) => TrafficFigures> {
    const ids = workers.map(({ id }) => id);
    const models = [...new Set(workers.map(({ model_name }) => model_name))];
    const [rows, totals, running] = await Promise.all([
      this.database.query<TrafficRow>(
        `SELECT worker_id, requests, failed, first_tokens FROM ${this.traffic} WHERE worker_id = ANY ($1) AND at > now() - interval '1 hour'`,
        [ids],
      ),
      this.database.query<{ model_name: string; requests: string }>(
        `SELECT model_name, sum(requests) AS requests FROM ${this.ofModels}
         WHERE model_name = ANY ($1) AND at > now() - interval '1 hour' GROUP BY model_name`,
        [models],
      ),
      this.database.query<{ id: string; running: string }>(
        `SELECT l.key AS id, sum(l.value::integer) AS running FROM ${this.liveReplica}, jsonb_each_text(load -> 'running') AS l
         WHERE l.key = ANY ($1) GROUP BY l.key`,
        [ids],
      ),
    ]);
    const total = new Map(totals.map(({ model_name, requests }) => [model_name, Number(requests)]));
    const now = new Map(running.map((row) => [row.id, Number(row.running)]));
    const byWorker = grouped(rows);
    return ({ id, model_name }) =>
      figuresOf(byWorker.get(id) ?? [], now.get(id) ?? 0, total.get(model_name) ?? 0);
  }
}

function grouped(rows: readonly TrafficRow[]): ReadonlyMap<string, readonly TrafficRow[]> {
  const groups = new Map<string, TrafficRow[]>();
  for (const row of rows) {
    const group = groups.get(row.worker_id);
    if (group === undefined) groups.set(row.worker_id, [row]);
    else group.push(row);
  }
  return groups;
}

function figuresOf(rows: readonly TrafficRow[], running: number, ofModel: number): TrafficFigures {
  let [requests, failed] = [0, 0];
  const firstTokens = noFirstTokens();
  for (const row of rows) {
    requests += row.requests;
    failed += row.failed;
    if (row.first_tokens !== null) addCounts(firstTokens, row.first_tokens);
  }
  return {
    running,
    requests_1h: requests,
    // A release that runs beside may have counted for the worker and not for the model.
    share_1h: ofModel === 0 ? null : Math.min(1, Math.round((1000 * requests) / ofModel) / 1000),
    failed_1h: failed,
    ttft_p50_ms: quantileMs(firstTokens, 0.5),
  };
}
