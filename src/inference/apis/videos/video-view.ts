import type { Job, PublicState } from '../../../jobs/job.js';
import { publicState } from '../../../jobs/job-view.js';

/** OpenAI's `video`. test/openai/objects.spec.ts compares it with the type of the official client. */
export interface VideoObject {
  id: string;
  object: 'video';
  model: string;
  status: 'queued' | 'in_progress' | 'completed' | 'failed';
  progress: number;
  /** Seconds since 1970, as the other times. */
  created_at: number;
  completed_at: number | null;
  expires_at: number | null;
  error: { code: string; message: string } | null;
  prompt: string | null;
  remixed_from_video_id: string | null;
  seconds: string;
  size: string;
}

export interface VideoList {
  object: 'list';
  data: VideoObject[];
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
}

const STATUS: Readonly<Record<PublicState, VideoObject['status']>> = {
  queued: 'queued',
  running: 'in_progress',
  succeeded: 'completed',
  failed: 'failed',
  cancelled: 'failed',
};

const PREFIX = 'video_';
const VIDEO_ID = /^video_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;

export function videoId(jobId: string): string {
  return PREFIX + jobId.replaceAll('-', '');
}

/** The job behind a video's id; `null`: it is no such id. */
export function jobIdOf(id: string): string | null {
  const parts = VIDEO_ID.exec(id)?.slice(1);
  return parts?.join('-') ?? null;
}

/** What a worker takes where the request does not say it. */
export interface VideoDefaults {
  readonly seconds?: number | undefined;
  readonly size?: string | undefined;
}

export function videoObject(job: Job, defaults: VideoDefaults): VideoObject {
  const status = STATUS[publicState(job.state)];
  const { input } = job;
  const seconds = input.seconds ?? defaults.seconds;
  return {
    id: videoId(job.id),
    object: 'video',
    model: job.modelName,
    status,
    progress: status === 'completed' ? 100 : job.progress,
    created_at: unixSeconds(job.createdAt) ?? 0,
    completed_at: status === 'completed' ? unixSeconds(job.endedAt) : null,
    expires_at: unixSeconds(job.expiresAt),
    error: errorOf(job),
    prompt: input.prompt === '' ? null : input.prompt,
    remixed_from_video_id: null,
    seconds: seconds === undefined ? '' : String(seconds),
    size: input.size ?? defaults.size ?? '',
  };
}

export function videoList(
  jobs: readonly Job[],
  hasMore: boolean,
  defaultsOf: (job: Job) => VideoDefaults,
): VideoList {
  const data = jobs.map((job) => videoObject(job, defaultsOf(job)));
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

function errorOf({ state, error }: Job): VideoObject['error'] {
  if (error !== null) return { code: error.code, message: error.message };
  return state === 'cancelled' ? { code: 'cancelled', message: 'the video was cancelled' } : null;
}

/** A time that was set by hand may be infinity. */
function unixSeconds(date: Date | null): number | null {
  const seconds = Math.floor(Number(date) / 1000);
  return date !== null && Number.isFinite(seconds) ? seconds : null;
}
