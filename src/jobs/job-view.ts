import type { Priority } from '../config/balancing-settings.js';
import { isJsonObject } from '../input/json.js';
import type { Job, JobFile, JobState, PublicState } from './job.js';

/** A job as clients see it. */
export interface JobView {
  readonly id: string;
  readonly object: 'job';
  readonly model: string;
  readonly kind: string;
  /** Its class. */
  readonly priority: Priority;
  /** The beginning of the prompt; `null`: not for this reader. */
  readonly title: string | null;
  /** The name of the key that made it. */
  readonly key: string | null;
  readonly status: PublicState;
  /** The upstream's own word for the state. */
  readonly upstream_status: string;
  readonly progress: number;
  readonly queue_position: number | null;
  readonly note: string;
  readonly created_at: string;
  readonly submitted_at: string | null;
  readonly ended_at: string | null;
  readonly expires_at: string | null;
  readonly worker_id: string | null;
  readonly result: { readonly files: FileView[] } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface FileView {
  /** The upstream's, or a path of this service. */
  readonly url: string;
  readonly content_type: string | null;
  readonly bytes: number | null;
}

const PUBLIC: Readonly<Record<JobState, PublicState>> = {
  queued: 'queued',
  submitting: 'running',
  unknown: 'running',
  running: 'running',
  cancelling: 'running',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** What a state means that clients see as `running`, where the job itself has no note. */
const NOTES: Readonly<Partial<Record<JobState, string>>> = {
  submitting: 'it is being submitted',
  unknown: 'the submit was interrupted, and the upstream may have taken it',
  cancelling: 'it is being cancelled',
};

export function publicState(state: JobState): PublicState {
  return PUBLIC[state];
}

export function hasEnded({ state }: Pick<Job, 'state'>): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

export function jobPath(id: string): string {
  return `/api/v1/jobs/${id}`;
}

export function filePath(id: string, number: number): string {
  return `${jobPath(id)}/files/${number}`;
}

export function jobView(job: Job): JobView {
  const { id, state, error } = job;
  return {
    id,
    object: 'job',
    model: job.modelName,
    kind: job.kind,
    priority: job.priority,
    title: titleOf(job.input),
    key: job.keyName,
    status: PUBLIC[state],
    upstream_status: job.upstreamWord,
    progress: state === 'succeeded' ? 100 : job.progress,
    queue_position: job.queuePosition,
    note: job.note === '' ? (NOTES[state] ?? '') : job.note,
    created_at: job.createdAt.toISOString(),
    submitted_at: isoOrNull(job.submittedAt),
    ended_at: isoOrNull(job.endedAt),
    expires_at: isoOrNull(job.expiresAt),
    worker_id: job.workerId,
    result: state === 'succeeded' ? { files: job.files.map((file) => fileView(id, file)) } : null,
    error: error === null ? null : { code: error.code, message: error.message },
  };
}

const LONGEST_TITLE = 100;

/** One line; '' of a request that was changed by hand to something else. */
function titleOf(input: unknown): string {
  const prompt = isJsonObject(input) ? input['prompt'] : null;
  if (typeof prompt !== 'string') return '';
  // No more is read of a long prompt than may be shown of it.
  const line = prompt
    .slice(0, 4 * LONGEST_TITLE)
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  if (line.length <= LONGEST_TITLE) return line;
  return `${line.slice(0, LONGEST_TITLE - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

function fileView(id: string, { number, url, type, bytes }: JobFile): FileView {
  return { url: url ?? filePath(id, number), content_type: type, bytes };
}

/** A time that was set by hand may be infinity. */
function isoOrNull(date: Date | null): string | null {
  return date !== null && Number.isFinite(Number(date)) ? date.toISOString() : null;
}
