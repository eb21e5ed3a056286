import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DatabaseSettings } from '../../config/settings.js';
import { PRIORITIES, type Priority } from '../../config/balancing-settings.js';
import { JobSettings } from '../../config/job-settings.js';
import { Database } from '../../database/database.js';
import type { AdminState, Health } from '../../registry/worker.js';
import { Replicas } from '../../replicas/replicas.js';
import type { JobInput, JobKind } from '../job.js';
import { planStarts, turnsOf, type Start, type StartWorker, type WaitingJob } from './plan-starts.js';
import { roomOf, type WorkerRecord } from './worker-record.js';

/** A job that this replica submits now. */
export interface StartedJob {
  readonly id: string;
  readonly modelName: string;
  readonly ownerKey: string;
  readonly tenant: string;
  readonly kind: JobKind;
  readonly priority: Priority;
  /** `null`: balancing picks one for its call. */
  readonly workerId: string | null;
  readonly input: JobInput;
  readonly inputBytes: number;
  readonly unable: readonly string[];
  /** Which submit this is, from 1. */
  readonly submit: number;
  readonly requestId: string;
  /** How long it waited. */
  readonly waitedMs: number;
}

interface WorkerRow {
  readonly id: string;
  readonly admin_state: AdminState;
  readonly health: Health;
  readonly weight: number;
  readonly priority: number;
  readonly max_concurrency: number;
  readonly active: number;
  readonly submitting: number;
  readonly busy_in_row: number;
  readonly faults_in_row: number;
  readonly failures_in_row: number;
  readonly pause_ms: number;
  readonly pause_reason: WorkerRecord['pauseReason'];
}

interface StartedRow {
  readonly id: string;
  readonly model_name: string;
  readonly kind: JobKind;
  readonly priority: Priority;
  readonly worker_id: string | null;
  readonly request: JobInput;
  readonly input_bytes: string;
  readonly unable: readonly string[];
  readonly submits: number;
  readonly owner_key: string;
  readonly tenant: string;
  readonly request_id: string;
  readonly waited_ms: number;
}

/** Another replica is starting jobs of the model: try again in a moment. */
export const BUSY = 'busy';

const ACTIVE = `state IN ('submitting', 'unknown', 'running', 'cancelling')`;

/** Starts queued jobs: counts and picks under a lock of the model, so that no worker gets more jobs than it may have. */
@Injectable()
export class JobStarts {
  private readonly job: string;
  private readonly worker: string;

  constructor(
    private readonly database: Database,
    private readonly replicas: Replicas,
    private readonly settings: JobSettings,
    private readonly where: DatabaseSettings,
  ) {
    this.job = `"${where.schema}".job`;
    this.worker = `"${where.schema}".worker`;
  }

  /** The models that have jobs which may start. Skips along the index, however many wait. @throws DatabaseUnavailableError */
  async modelsWaiting(): Promise<readonly string[]> {
    const rows = await this.database.query<{ model_name: string }>(
      `WITH RECURSIVE waiting AS (
         (SELECT model_name FROM ${this.job} WHERE state = 'queued' ORDER BY model_name LIMIT 1)
         UNION ALL
         SELECT (SELECT j.model_name FROM ${this.job} j WHERE j.state = 'queued' AND j.model_name > waiting.model_name
           ORDER BY j.model_name LIMIT 1) FROM waiting WHERE waiting.model_name IS NOT NULL)
       SELECT model_name FROM waiting WHERE model_name IS NOT NULL`,
    );
    return rows.map((row) => row.model_name);
  }

  /**
   * @param usable of the model's poll workers, whether this replica can call it now
   * @throws DatabaseUnavailableError
   */
  start(
    modelName: string,
    most: number,
    usable: (workerId: string) => boolean,
  ): Promise<readonly StartedJob[] | typeof BUSY> {
    return this.database.transaction('jobs', async (manager) => {
      if (!(await this.lock(manager, modelName))) return BUSY;
      // In a statement of its own: the snapshot must be newer than the lock.
      const workers = (await this.workersOf(manager, modelName)).filter(({ id }) => usable(id));
      const places = workers.map((row) => this.placeOf(row));
      const free = places.reduce((sum, place) => sum + place.room, 0);
      const room = Math.min(most, free);
      if (room === 0) return [];
      const waiting = await this.waitingOf(manager, modelName, 'poll', room);
      const active = await this.activeByKey(manager, modelName);
      return this.write(manager, planStarts(waiting, places, active, room, Math.random));
    });
  }

  /**
   * Jobs of a model without poll workers: at most as many at once, over all replicas, as its workers may have requests.
   * @throws DatabaseUnavailableError
   */
  startCalls(modelName: string, most: number): Promise<readonly StartedJob[] | typeof BUSY> {
    return this.database.transaction('jobs', async (manager) => {
      if (!(await this.lock(manager, modelName))) return BUSY;
      const waiting = await this.waitingOf(manager, modelName, 'call', most);
      if (waiting.length === 0) return [];
      const [{ places, active }] = await manager.query<[{ places: string; active: string }]>(
        `SELECT (SELECT coalesce(sum(max_concurrency), 0) FROM ${this.worker} WHERE model_name = $1 AND admin_state = 'enabled') AS places,
           (SELECT count(*) FROM ${this.job} WHERE model_name = $1 AND mode = 'call' AND state = 'submitting') AS active`,
        [modelName],
      );
      // Not a worker but the model itself has the places here.
      const room = Math.min(most, Number(places) - Number(active));
      const model = { id: '', priority: 0, weight: 1, room, active: Number(active), isSuspect: false };
      return this.write(manager, planStarts(waiting, [model], new Map(), room, Math.random));
    });
  }

  private async lock(manager: EntityManager, modelName: string): Promise<boolean> {
    const [row]: { readonly locked: boolean }[] = await manager.query(
      `SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS locked`,
      [`mmm start jobs ${this.where.schema} ${modelName}`],
    );
    return row?.locked === true;
  }

  private workersOf(manager: EntityManager, modelName: string): Promise<WorkerRow[]> {
    return manager.query(
      `SELECT w.id, w.admin_state, w.health, w.weight, w.priority, w.max_concurrency,
         count(j.id)::integer AS active, count(j.id) FILTER (WHERE j.state = 'submitting')::integer AS submitting,
         coalesce(p.busy_in_row, 0) AS busy_in_row, coalesce(p.faults_in_row, 0) AS faults_in_row,
         coalesce(p.failures_in_row, 0) AS failures_in_row, coalesce(p.pause_reason, '') AS pause_reason,
         greatest(0, coalesce(extract(epoch FROM p.paused_until - now())::float8 * 1000, 0)) AS pause_ms
       FROM ${this.worker} w LEFT JOIN ${this.job} j ON j.worker_id = w.id AND j.${ACTIVE}
         LEFT JOIN ${this.job}_worker p ON p.worker_id = w.id
       WHERE w.model_name = $1 GROUP BY w.id, p.worker_id ORDER BY w.created_at, w.id`,
      [modelName],
    );
  }

  private placeOf(row: WorkerRow): StartWorker {
    const load = { ...row, adminState: row.admin_state, maxConcurrency: row.max_concurrency };
    const record: WorkerRecord = {
      busyInRow: row.busy_in_row,
      faultsInRow: row.faults_in_row,
      failuresInRow: row.failures_in_row,
      pauseMs: row.pause_ms,
      pauseReason: row.pause_reason,
    };
    return {
      id: row.id,
      priority: row.priority,
      weight: row.weight,
      room: roomOf(load, record, this.settings.failures),
      active: row.active,
      isSuspect: row.health === 'suspect',
    };
  }

  /** Of each key, and each team that it acts for, its oldest jobs of each class, up to `room`, interactive ones first: a window over all that wait would read all that wait. */
  private waitingOf(
    manager: EntityManager,
    modelName: string,
    mode: 'poll' | 'call',
    room: number,
  ): Promise<WaitingJob[]> {
    return manager.query(
      `WITH RECURSIVE keys AS (
         (SELECT owner_key, tenant FROM ${this.job} WHERE state = 'queued' AND model_name = $1 ORDER BY owner_key, tenant LIMIT 1)
         UNION ALL
         SELECT next.owner_key, next.tenant FROM keys, LATERAL (
           SELECT j.owner_key, j.tenant FROM ${this.job} j
           WHERE j.state = 'queued' AND j.model_name = $1 AND (j.owner_key, j.tenant) > (keys.owner_key, keys.tenant)
           ORDER BY j.owner_key, j.tenant LIMIT 1) AS next)
       SELECT heads.id, keys.owner_key AS "ownerKey", keys.tenant, class.priority, heads.unable, heads.tried
       FROM keys, unnest($4::text[]) WITH ORDINALITY AS class (priority, rank), LATERAL (
         SELECT id, unable, tried, created_at FROM ${this.job}
         WHERE state = 'queued' AND model_name = $1 AND owner_key = keys.owner_key AND tenant = keys.tenant AND priority = class.priority AND mode = $2 AND due_at <= now()
         ORDER BY created_at LIMIT $3) AS heads
       ORDER BY class.rank, heads.created_at`,
      [modelName, mode, room, PRIORITIES],
    );
  }

  private async activeByKey(manager: EntityManager, modelName: string): Promise<ReadonlyMap<string, number>> {
    const rows: { readonly owner_key: string; readonly tenant: string; readonly n: number }[] =
      await manager.query(
        `SELECT j.owner_key, j.tenant, count(*)::integer AS n FROM ${this.worker} w JOIN ${this.job} j ON j.worker_id = w.id AND j.${ACTIVE}
       WHERE w.model_name = $1 GROUP BY j.owner_key, j.tenant`,
        [modelName],
      );
    return new Map(rows.map((row) => [turnsOf({ ownerKey: row.owner_key, tenant: row.tenant }), row.n]));
  }

  private async write(manager: EntityManager, starts: readonly Start[]): Promise<readonly StartedJob[]> {
    if (starts.length === 0) return [];
    const rows = starts.map(({ jobId, workerId }) => ({
      id: jobId,
      worker: workerId === '' ? null : workerId,
    }));
    const [started]: [StartedRow[], number] = await manager.query(
      `UPDATE ${this.job} j SET state = 'submitting', worker_id = s.worker, lease_owner = $2, lease_until = now() + $3 * interval '1 ms',
         fence = j.fence + 1, submits = j.submits + 1, note = '', upstream_word = '', not_found_since = NULL
       FROM json_to_recordset($1::json) AS s (id uuid, worker uuid)
       WHERE j.id = s.id AND j.state = 'queued'
       RETURNING j.id, j.model_name, j.owner_key, j.tenant, j.kind, j.priority, j.worker_id, j.request, j.input_bytes, j.unable, j.submits, j.request_id,
         extract(epoch FROM now() - j.created_at)::float8 * 1000 AS waited_ms`,
      [JSON.stringify(rows), this.replicas.id, this.settings.leaseMs],
    );
    return started.map((row) => ({
      id: row.id,
      modelName: row.model_name,
      ownerKey: row.owner_key,
      tenant: row.tenant,
      kind: row.kind,
      priority: row.priority,
      workerId: row.worker_id,
      input: row.request,
      inputBytes: Number(row.input_bytes),
      unable: row.unable,
      submit: row.submits,
      requestId: row.request_id,
      waitedMs: row.waited_ms,
    }));
  }
}
