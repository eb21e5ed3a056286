import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { JobSettings } from '../../config/job-settings.js';
import { Database } from '../../database/database.js';
import type { Kept } from '../../registry/poll.js';
import { Replicas } from '../../replicas/replicas.js';
import { type Change, CHANGE_ROWS, changeRow, type Claim, STILL_MINE, WHAT_CHANGED } from './change.js';
import type { JobKind, JobState } from '../job.js';

/** A job that this replica has under lease, to look at or to end. Ages by the database's clock. */
export interface ClaimedJob {
  readonly id: string;
  readonly fence: number;
  readonly submits: number;
  readonly state: JobState;
  readonly mode: 'poll' | 'call';
  readonly modelName: string;
  readonly workerId: string | null;
  readonly kept: Kept;
  readonly progress: number;
  readonly requestId: string;
  readonly cancelWanted: boolean;
  readonly isOverdue: boolean;
  readonly stateMs: number;
  /** `null`: the upstream knows it, as far as is known. */
  readonly notFoundMs: number | null;
  readonly doneMs: number | null;
  readonly cancelMs: number | null;
  /** How long after its time it was claimed. */
  readonly lateMs: number;
}

interface ClaimedRow {
  readonly id: string;
  readonly fence: number;
  readonly submits: number;
  readonly state: JobState;
  readonly mode: 'poll' | 'call';
  readonly model_name: string;
  readonly worker_id: string | null;
  readonly kept: Kept;
  readonly progress: number;
  readonly request_id: string;
  readonly cancel_wanted: boolean;
  readonly is_overdue: boolean | null;
  readonly state_ms: number;
  readonly not_found_ms: number | null;
  readonly done_ms: number | null;
  readonly cancel_ms: number | null;
  readonly late_ms: number;
}

export interface Pulse {
  readonly isQueued: boolean;
  /** A submit's lease has ended. */
  readonly isOrphaned: boolean;
  /** Until the next job that no replica has under lease is due; `null`: there is none. Negative: it is due. */
  readonly dueMs: number | null;
}

/** A job as a change left it. */
export interface Recorded {
  readonly id: string;
  readonly state: JobState;
  readonly model_name: string;
  readonly worker_id: string | null;
  readonly error_code: string | null;
  readonly error: string | null;
  readonly note: string;
  readonly age_ms: number;
  readonly owner_key: string;
  readonly tenant: string;
  readonly kind: JobKind;
  /** Of its result. */
  readonly files: number;
  /** That were requested; `null`: not. */
  readonly seconds: number | null;
}

/** The note of a queued job. The message of its end as `busy` repeats it. */
const NO_WORKER = 'the model has no worker now';
const LOOKED_AT = `state IN ('running', 'unknown', 'cancelling')`;
const ageMs = (at: string): string => `extract(epoch FROM now() - ${at})::float8 * 1000`;
/** The request as text: functions of JSON fail on U+0000, which it may hold. In a prompt the quotes of such a key are escaped. */
const RECORDED = `j.id, j.state, j.model_name, j.worker_id, j.error_code, j.error, j.note, ${ageMs('j.created_at')} AS age_ms, j.owner_key, j.tenant, j.kind,
  coalesce(json_array_length(j.result), 0) AS files,
  CASE WHEN j.ended_at IS NOT NULL THEN substring(j.request::text FROM '"seconds": ?([0-9]{1,6}(\\.[0-9]{1,6})?)')::float8 END AS seconds`;
/** job_event names the service as the author of its changes. */
const AS_JOBS = `(SELECT set_config('mmm.actor', 'jobs', true)) AS actor`;

/** The runner's statements on leases of jobs: claim, record, renew, release. All by the database's clock; all throw DatabaseUnavailableError. */
@Injectable()
export class JobLeases {
  private readonly job: string;
  private readonly worker: string;

  constructor(
    private readonly database: Database,
    private readonly replicas: Replicas,
    private readonly settings: JobSettings,
    { schema }: DatabaseSettings,
  ) {
    this.job = `"${schema}".job`;
    this.worker = `"${schema}".worker`;
  }

  /** Claims up to `most` jobs that are due, the longest overdue first, but none of these workers. */
  async claim(most: number, exceptWorkers: readonly string[]): Promise<readonly ClaimedJob[]> {
    const rows = await this.database.query<ClaimedRow>(
      `WITH due AS MATERIALIZED (
         SELECT id, due_at FROM ${this.job}
         WHERE ${LOOKED_AT} AND due_at <= now() AND (lease_until IS NULL OR lease_until <= now())
           AND (worker_id IS NULL OR worker_id <> ALL ($4::uuid[]))
         ORDER BY due_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)
       UPDATE ${this.job} j SET lease_owner = $1, lease_until = now() + $2 * interval '1 ms', fence = j.fence + 1
       FROM due WHERE j.id = due.id
       RETURNING j.id, j.fence, j.submits, j.state, j.mode, j.model_name, j.worker_id, j.kept, j.progress, j.request_id, j.cancel_wanted,
         j.deadline_at <= now() AS is_overdue, ${ageMs('j.state_since')} AS state_ms, ${ageMs('j.not_found_since')} AS not_found_ms,
         ${ageMs('j.done_at')} AS done_ms, ${ageMs('j.cancel_at')} AS cancel_ms, ${ageMs('due.due_at')} AS late_ms`,
      [this.replicas.id, this.settings.leaseMs, most, exceptWorkers],
    );
    return rows.map((row) => ({
      id: row.id,
      fence: row.fence,
      submits: row.submits,
      state: row.state,
      mode: row.mode,
      modelName: row.model_name,
      workerId: row.worker_id,
      kept: row.kept,
      progress: row.progress,
      requestId: row.request_id,
      cancelWanted: row.cancel_wanted,
      isOverdue: row.is_overdue === true,
      stateMs: row.state_ms,
      notFoundMs: row.not_found_ms,
      doneMs: row.done_ms,
      cancelMs: row.cancel_ms,
      lateMs: row.late_ms,
    }));
  }

  /** One cheap query of an idle replica: whether there is anything to do. */
  async pulse(exceptWorkers: readonly string[]): Promise<Pulse> {
    const [row] = await this.database.query<{
      is_queued: boolean;
      is_orphaned: boolean;
      due_ms: number | null;
    }>(
      `SELECT EXISTS (SELECT FROM ${this.job} WHERE state = 'queued') AS is_queued,
         EXISTS (SELECT FROM ${this.job} WHERE state = 'submitting' AND lease_until <= now()) AS is_orphaned,
         (SELECT extract(epoch FROM due_at - now())::float8 * 1000 FROM ${this.job}
          WHERE ${LOOKED_AT} AND (lease_until IS NULL OR lease_until <= now()) AND (worker_id IS NULL OR worker_id <> ALL ($1::uuid[]))
          ORDER BY due_at LIMIT 1) AS due_ms`,
      [exceptWorkers],
    );
    return {
      isQueued: row?.is_queued ?? false,
      isOrphaned: row?.is_orphaned ?? false,
      dueMs: row?.due_ms ?? null,
    };
  }

  /**
   * Writes what was found out, and ends the leases. Rows that another transaction is changing are left out: the caller
   * repeats them one by one, for a transaction that holds several rows and waits for another can deadlock.
   * @returns the jobs that were written
   */
  record(changes: readonly (readonly [Claim, Change])[]): Promise<readonly Recorded[]> {
    const values: unknown[] = [JSON.stringify(changes.map(([claim, change]) => changeRow(claim, change)))];
    const isAlone = changes.length === 1;
    if (!isAlone) values.push(changes.map(([{ id }]) => id));
    const free = `WITH free AS MATERIALIZED (SELECT id FROM ${this.job} WHERE id = ANY ($2::uuid[]) FOR NO KEY UPDATE SKIP LOCKED)`;
    return this.database.query(
      `${isAlone ? '' : free} UPDATE ${this.job} j SET ${WHAT_CHANGED}
       FROM ${AS_JOBS}, ${CHANGE_ROWS} ${isAlone ? '' : 'JOIN free ON free.id = r.id'} WHERE ${STILL_MINE}
       RETURNING ${RECORDED}`,
      values,
    );
  }

  /**
   * Renews the leases of work that takes long: submits by their number, looks by their fence.
   * @returns the jobs that are still this replica's, and whether they are to be cancelled
   */
  renew(claims: readonly Claim[]): Promise<readonly { id: string; cancel_wanted: boolean }[]> {
    return this.database.query(
      `UPDATE ${this.job} j SET lease_until = now() + $2 * interval '1 ms', lease_owner = $3
       FROM json_to_recordset($1::json) AS r (id uuid, fence integer, submit integer)
       WHERE j.id = r.id AND j.ended_at IS NULL
         AND CASE WHEN r.submit IS NULL THEN j.fence = r.fence ELSE j.submits = r.submit AND j.state = 'submitting' END
       RETURNING j.id, j.cancel_wanted`,
      [JSON.stringify(claims), this.settings.leaseMs, this.replicas.id],
    );
  }

  /** Ends this replica's leases on looks: others look at these jobs at once. */
  async release(): Promise<void> {
    await this.database.query(
      `UPDATE ${this.job} SET lease_owner = NULL, lease_until = NULL
       WHERE lease_owner = $1 AND ${LOOKED_AT}`,
      [this.replicas.id],
    );
  }

  /**
   * Submits whose lease has ended: it is unknown whether they arrived. Queued jobs that no worker could take in time.
   * @returns the jobs that changed
   */
  sweep(): Promise<readonly Recorded[]> {
    return this.database.query(
      `WITH orphaned AS MATERIALIZED (
         SELECT id FROM ${this.job} WHERE state = 'submitting' AND lease_until <= now() FOR NO KEY UPDATE SKIP LOCKED),
       late AS MATERIALIZED (
         SELECT id FROM ${this.job} WHERE state = 'queued' AND queue_until <= now() LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED)
       UPDATE ${this.job} j SET
         state = CASE WHEN j.state = 'submitting' THEN 'unknown' ELSE 'failed' END,
         note = CASE WHEN j.state = 'submitting' THEN 'its replica is gone: maybe submitted at ' || to_char(j.state_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') ELSE j.note END,
         error_code = CASE WHEN j.state = 'queued' THEN 'busy' END,
         error = CASE WHEN j.state = 'queued' THEN 'no worker took the job in time' || coalesce(': ' || nullif(j.note, ''), '') END,
         lease_owner = NULL, lease_until = NULL, due_at = now() + $1 * interval '1 ms'
       FROM ${AS_JOBS}, (SELECT id FROM orphaned UNION ALL SELECT id FROM late) AS due
       WHERE j.id = due.id
       RETURNING ${RECORDED}`,
      [this.settings.askPauseMs],
    );
  }

  /**
   * Says of queued jobs that no worker can take them, and takes that back once one can: up to 500 at a time.
   * @returns the jobs whose note changed
   */
  async noteWorkerless(): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `WITH noted AS MATERIALIZED (
         SELECT id FROM ${this.job} q WHERE state = 'queued'
           AND (note = $1) = EXISTS (SELECT FROM ${this.worker} w WHERE w.model_name = q.model_name)
         LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED)
       UPDATE ${this.job} j SET note = CASE WHEN j.note = $1 THEN '' ELSE $1 END
       FROM ${AS_JOBS}, noted WHERE j.id = noted.id RETURNING j.id`,
      [NO_WORKER],
    );
    return rows.map(({ id }) => id);
  }
}
