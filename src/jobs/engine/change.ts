import type { Kept } from '../../registry/poll.js';
import type { JobErrorCode, JobState } from '../job.js';
import { storable, type StoredFile } from '../job-rows.js';

/** What a step found out about a job: what is written of it, unless another replica has the job now. */
export interface Change {
  readonly state: JobState;
  readonly note: string;
  /** The next look, or when a queued job may start. */
  readonly dueMs: number;
  readonly word?: string;
  readonly progress?: number;
  readonly queuePosition?: number;
  readonly error?: { readonly code: JobErrorCode; readonly message: string };
  readonly kept?: Kept;
  readonly files?: readonly StoredFile[];
  /** The upstream was polled. */
  readonly isLook?: boolean;
  /** The upstream does not know the task. */
  readonly isNotFound?: boolean;
  /** The upstream reported that it is done. */
  readonly isDone?: boolean;
  /** The worker took the job; it must be done within this time. */
  readonly acceptedForMs?: number;
  /** Back to the queue, for so long. */
  readonly queueMs?: number;
  /** A worker that did not take it. */
  readonly tried?: string;
  /** A worker that cannot express it. */
  readonly unable?: string;
  readonly expiresMs?: number;
  /** The worker of a call; others are picked when a job starts. */
  readonly workerId?: string;
}

/** Whose change it is: of the lease with this fence, or of the submit with this number, which may be handed in late. */
export type Claim =
  { readonly id: string; readonly fence: number } | { readonly id: string; readonly submit: number };

/** As `json_to_recordset` reads it. `kept` and `result` are JSON in a text, which may hold what PostgreSQL's text cannot. */
export function changeRow(claim: Claim, change: Change): Record<string, unknown> {
  return {
    id: claim.id,
    fence: 'fence' in claim ? claim.fence : undefined,
    submit: 'submit' in claim ? claim.submit : undefined,
    state: change.state,
    note: storable(change.note),
    due_ms: Math.round(change.dueMs),
    word: change.word === undefined ? undefined : storable(change.word, 200),
    progress: change.progress,
    position: change.queuePosition,
    error_code: change.error?.code,
    error: change.error === undefined ? undefined : storable(change.error.message),
    kept: change.kept === undefined ? undefined : JSON.stringify(change.kept),
    result: change.files === undefined ? undefined : JSON.stringify(change.files),
    looks: change.isLook === true ? 1 : 0,
    not_found: change.isNotFound === true,
    done: change.isDone === true,
    accepted_ms: change.acceptedForMs,
    queue_ms: change.queueMs,
    tried: change.tried,
    unable: change.unable,
    expires_ms: change.expiresMs,
    worker_id: change.workerId,
  };
}

export const CHANGE_ROWS = `json_to_recordset($1::json) AS r (id uuid, fence integer, submit integer, state text, note text,
  due_ms double precision, word text, progress integer, position integer, error_code text, error text, kept text, result text,
  looks integer, not_found boolean, done boolean, accepted_ms double precision, queue_ms double precision, tried uuid, unable uuid,
  expires_ms double precision, worker_id uuid)`;

/** A submit may be handed in until something else is known of it. */
export const STILL_MINE = `j.id = r.id AND j.ended_at IS NULL AND CASE WHEN r.submit IS NULL THEN j.fence = r.fence
  ELSE j.submits = r.submit AND j.state IN ('submitting', 'unknown') END`;

/** `worker_id` of a job that goes back to the queue is cleared: it has no worker. */
export const WHAT_CHANGED = `state = r.state, note = r.note, due_at = now() + r.due_ms * interval '1 ms',
  upstream_word = coalesce(r.word, j.upstream_word), progress = least(100, greatest(j.progress, r.progress)),
  queue_position = r.position, error_code = r.error_code, error = r.error,
  kept = coalesce(r.kept::json, j.kept), result = coalesce(r.result::json, j.result), looks = j.looks + r.looks,
  not_found_since = CASE WHEN r.not_found THEN coalesce(j.not_found_since, now()) END,
  done_at = CASE WHEN r.done THEN coalesce(j.done_at, now()) ELSE j.done_at END,
  submitted_at = CASE WHEN r.accepted_ms IS NULL THEN j.submitted_at ELSE now() END,
  deadline_at = CASE WHEN r.state = 'queued' THEN NULL WHEN r.accepted_ms IS NULL THEN j.deadline_at ELSE now() + r.accepted_ms * interval '1 ms' END,
  queue_until = CASE WHEN r.queue_ms IS NULL THEN j.queue_until ELSE greatest(j.queue_until, now() + r.queue_ms * interval '1 ms') END,
  tried = CASE WHEN r.tried IS NULL OR r.tried = ANY (j.tried) THEN j.tried ELSE j.tried || r.tried END,
  unable = CASE WHEN r.unable IS NULL OR r.unable = ANY (j.unable) THEN j.unable ELSE j.unable || r.unable END,
  expires_at = CASE WHEN r.expires_ms IS NULL THEN j.expires_at ELSE now() + r.expires_ms * interval '1 ms' END,
  worker_id = CASE WHEN r.state = 'queued' THEN NULL ELSE coalesce(r.worker_id, j.worker_id) END,
  lease_owner = NULL, lease_until = NULL, fence = j.fence + CASE WHEN r.submit IS NULL THEN 0 ELSE 1 END`;
