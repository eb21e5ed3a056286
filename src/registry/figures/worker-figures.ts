import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import type { EjectionDto, ProbeDto, WorkerFiguresDto, WorkerReplicaDto } from '../worker-answers.dto.js';
import { TrafficTable } from '../live/traffic-table.js';
import type { WorkerEntity } from '../worker.entity.js';
import { CELL_S, CELLS, type CellChanges, firstCell, HEALTH_RANKS, stripOf } from './health-strip.js';

type Shown = Pick<WorkerEntity, 'id' | 'model_name' | 'health' | 'admin_state' | 'created_at'>;

/** What replicas and the history know about workers. All throw DatabaseUnavailableError when there is no database. */
@Injectable()
export class WorkerFigures {
  private readonly schema: string;

  constructor(
    private readonly database: Database,
    private readonly traffic: TrafficTable,
    { schema }: DatabaseSettings,
  ) {
    this.schema = `"${schema}"`;
  }

  /** A function that knows the figures of these workers. */
  async of(workers: readonly Shown[]): Promise<(worker: Shown) => WorkerFiguresDto> {
    const ids = workers.map(({ id }) => id);
    const first = firstCell(Date.now());
    const [changes, ejections, traffic] = await Promise.all([
      this.changes(ids, first),
      this.ejections(ids),
      this.traffic.figuresOf(workers),
    ]);
    const byWorker = new Map<string, CellChanges[]>(ids.map((id) => [id, []]));
    for (const change of changes) byWorker.get(change.worker_id)?.push(change);
    return (worker) => ({
      strip: stripOf(worker, byWorker.get(worker.id) ?? [], first),
      ejected: ejections.get(worker.id) ?? null,
      ...traffic(worker),
    });
  }

  /** The last probe of a worker; `null`: it was never due. */
  async probe(id: string): Promise<ProbeDto | null> {
    const rows = await this.database.query<ProbeDto>(
      `SELECT next_probe_at, last_probe_at, last_ok, last_detail, last_ms, failures_in_row, unreachable_in_row, successes_in_row,
         failing_since, last_good_at, last_served_at, heartbeat_at FROM ${this.schema}.worker_probe WHERE worker_id = $1`,
      [id],
    );
    return rows[0] ?? null;
  }

  /** The replicas, and what they show of a worker. */
  async replicas({ id, generation }: Pick<WorkerEntity, 'id' | 'generation'>): Promise<WorkerReplicaDto[]> {
    return this.database.query<WorkerReplicaDto>(
      `SELECT r.host, r.seen_at, coalesce((r.load -> 'running' ->> $1::uuid::text)::integer, 0) AS running, CASE WHEN t.state = 'ejected' THEN t.until END AS ejected_until,
         CASE WHEN t.state = 'ejected' THEN t.cause END AS ejected_reason, nullif(t.last_error, '') AS last_error
       FROM ${this.schema}.live_replica r LEFT JOIN ${this.schema}.worker_trouble t
         ON t.replica_id = r.id AND t.worker_id = $1 AND t.generation = $2
       ORDER BY r.host, r.id`,
      [id, generation],
    );
  }

  /** A worker's events are found by their ids, which rise with the time: of a worker with a long history, a day is read. */
  private changes(
    ids: readonly string[],
    first: number,
  ): Promise<(CellChanges & { readonly worker_id: string })[]> {
    return this.database.query(
      `WITH day AS (SELECT id FROM ${this.schema}.event WHERE at >= to_timestamp($2 - 3600) ORDER BY at LIMIT 1)
       SELECT subject_id AS worker_id, floor(extract(epoch FROM at) / ${CELL_S})::integer AS cell,
         max(greatest(array_position($3::text[], before ->> 'health'), array_position($3, after ->> 'health'))) - 1 AS worst,
         (array_agg(before ->> 'health' ORDER BY id) FILTER (WHERE after ? 'health'))[1] AS health_before,
         bool_or(before ->> 'admin_state' = 'enabled' OR after ->> 'admin_state' = 'enabled') AS enabled,
         (array_agg(before ->> 'admin_state' ORDER BY id) FILTER (WHERE after ? 'admin_state'))[1] AS admin_before
       FROM ${this.schema}.event
       WHERE subject_id = ANY ($1) AND id >= (SELECT id FROM day) AND subject = 'worker' AND before IS NOT NULL
         AND at >= to_timestamp($2) AND at < to_timestamp($2 + ${CELLS * CELL_S}) AND (after ? 'health' OR after ? 'admin_state')
       GROUP BY subject_id, cell`,
      [ids, first * CELL_S, HEALTH_RANKS],
    );
  }

  private async ejections(ids: readonly string[]): Promise<ReadonlyMap<string, EjectionDto>> {
    const rows = await this.database.query<EjectionDto & { readonly worker_id: string }>(
      `SELECT t.worker_id, max(t.until) AS until, count(*)::integer AS "by",
         (SELECT count(*)::integer FROM ${this.schema}.live_replica) AS "of",
         (array_agg(t.cause ORDER BY t.since))[1] AS reason
       FROM ${this.schema}.worker_trouble t JOIN ${this.schema}.live_replica r ON r.id = t.replica_id
         JOIN ${this.schema}.worker w ON w.id = t.worker_id AND w.generation = t.generation
       WHERE t.worker_id = ANY ($1) AND t.state = 'ejected' AND t.until > now() GROUP BY t.worker_id`,
      [ids],
    );
    return new Map(rows.map(({ worker_id, ...ejection }) => [worker_id, ejection]));
  }
}
