import type { Priority } from '../config/balancing-settings.js';
import { isJsonObject } from '../input/json.js';
import type { Job, JobErrorCode, JobInput, JobKind, JobState } from './job.js';

/** One file of a result, as the column `result` holds it. */
export interface StoredFile {
  /** The upstream's URL; `null`: a request for the bytes, or parts in `job_file`. */
  readonly url: string | null;
  readonly type: string | null;
  readonly bytes: number | null;
  /** `job_file.copy` of its parts; `null`: the bytes are fetched from the upstream on demand. */
  readonly copy: number | null;
}

/** The columns of `job` that a `Job` shows. */
export interface JobRow {
  readonly id: string;
  readonly version: number;
  readonly model_name: string;
  readonly kind: JobKind;
  readonly priority: Priority;
  readonly owner_key: string;
  /** `null`: without keys, or of ADMIN_API_KEY. */
  readonly key_name: string | null;
  readonly state: JobState;
  readonly worker_id: string | null;
  readonly upstream_word: string;
  readonly progress: number;
  readonly queue_position: number | null;
  readonly note: string;
  readonly error_code: JobErrorCode | null;
  readonly error: string | null;
  readonly request: JobInput;
  /** Stored files, unless it was changed by hand: `filesOf` reads it. */
  readonly result: unknown;
  readonly created_at: Date;
  readonly submitted_at: Date | null;
  readonly ended_at: Date | null;
  /** A number: infinity, set by hand. */
  readonly expires_at: Date | number | null;
}

const JOB_COLUMNS = `id, version, model_name, kind, priority, owner_key, state, worker_id, upstream_word, progress, queue_position, note,
  error_code, error, request, result, created_at, submitted_at, ended_at, expires_at`;

/** With the name of the owner's key, which may have been revoked since. */
export function jobColumns(schema: string): string {
  return `${JOB_COLUMNS}, (SELECT k.name FROM "${schema}".api_key k
    WHERE k.id = CASE WHEN owner_key ~ '^[0-9a-f-]{36}$' THEN owner_key::uuid END) AS key_name`;
}

const FINAL_STATES: readonly JobState[] = ['succeeded', 'failed', 'cancelled'];

export function hasEnded({ state }: { readonly state: JobState }): boolean {
  return FINAL_STATES.includes(state);
}

/** @param retentionMs how long a job is kept after its end */
export function jobOf(row: JobRow, retentionMs: number): Job {
  return {
    id: row.id,
    version: row.version,
    modelName: row.model_name,
    kind: row.kind,
    priority: row.priority,
    ownerKey: row.owner_key,
    keyName: row.key_name,
    state: row.state,
    workerId: row.worker_id,
    upstreamWord: row.upstream_word,
    progress: row.progress,
    queuePosition: row.queue_position,
    note: row.note,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error ?? '' },
    input: row.request,
    files: filesOf(row.result).map(({ url, type, bytes }, number) => ({ number, url, type, bytes })),
    createdAt: row.created_at,
    submittedAt: row.submitted_at,
    endedAt: row.ended_at,
    expiresAt: expiry(row, retentionMs),
  };
}

/** The files of a result. One that was changed by hand to something else has none. */
export function filesOf(result: unknown): readonly StoredFile[] {
  return Array.isArray(result) && result.every(isStoredFile) ? result : [];
}

function isStoredFile(value: unknown): value is StoredFile {
  if (!isJsonObject(value)) return false;
  const { url, type, bytes, copy } = value;
  const isText = [url, type].every((each) => each === null || typeof each === 'string');
  return isText && [bytes, copy].every((each) => each === null || Number.isSafeInteger(each));
}

/** The upstream deletes its files, or this service deletes the job: whichever is first. */
function expiry({ ended_at, expires_at }: JobRow, retentionMs: number): Date | null {
  if (ended_at === null) return null;
  const deletedMs = ended_at.getTime() + retentionMs;
  return new Date(Math.min(deletedMs, expires_at instanceof Date ? expires_at.getTime() : Infinity));
}

const LONGEST_TEXT = 2_000;

/** A text of an upstream as PostgreSQL can hold it: no U+0000, no lone surrogates, and not without end. */
export function storable(text: string, most = LONGEST_TEXT): string {
  const short = text.length > most ? `${text.slice(0, most - 1)}…` : text;
  return short.replaceAll('\0', '').toWellFormed();
}
