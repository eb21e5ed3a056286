import type { Job, JobErrorCode } from '../../../jobs/job.js';
import type { ErrorType } from '../../../telemetry/error-type.js';
import { jobPath } from '../../../jobs/job-view.js';

/** What the log and the metrics call a failed job. */
const ERROR_TYPES: Readonly<Record<JobErrorCode, ErrorType>> = {
  busy: 'policy_queue_timeout',
  submit_refused: 'worker_error',
  submit_unknown: 'worker_error',
  upstream_failed: 'worker_error',
  upstream_lost: 'worker_error',
  result_missing: 'worker_bad_answer',
  result_unreachable: 'worker_unreachable',
  result_forbidden: 'worker_unreachable',
  timeout: 'worker_timeout',
  misconfigured: 'manager_misconfigured',
  cancelled: 'worker_error',
  worker_deleted: 'worker_error',
};

/** A client waited for a job that failed or was cancelled. */
export class JobFailedError extends Error {
  override readonly name = 'JobFailedError';
  readonly errorType: ErrorType;

  private constructor(
    readonly code: JobErrorCode,
    /** In the upstream's words. */
    readonly reason: string,
  ) {
    super(`worker execute error: ${reason}`);
    this.errorType = ERROR_TYPES[code];
  }

  static of({ id, error, state }: Job): JobFailedError {
    const code = error?.code ?? (state === 'cancelled' ? 'cancelled' : 'upstream_failed');
    return new JobFailedError(code, `${error?.message ?? code} (job ${id})`);
  }
}

/** A client waited for a job as long as it may. */
export class JobUnfinishedError extends Error {
  override readonly name = 'JobUnfinishedError';
  readonly errorType: ErrorType = 'worker_timeout';

  constructor({ id }: Job, waitedMs: number) {
    super(
      `the job is not done after ${Math.round(waitedMs / 1000)} s. It goes on: GET ${jobPath(id)}, or GET ${jobPath(id)}/events. ` +
        'With the header "Prefer: respond-async" the answer comes at once; REQUEST_TIMEOUT_MS is the longest wait',
    );
  }
}

/** There is no such job, or not for this client. */
export class JobNotFoundError extends Error {
  override readonly name = 'JobNotFoundError';

  constructor(what: 'job' | 'video' = 'job') {
    super(
      what === 'job'
        ? 'there is no job with this id; jobs are deleted JOB_RETENTION_HOURS after their end'
        : 'there is no video with this id; videos are deleted JOB_RETENTION_HOURS after their end',
    );
  }
}

/** The file is requested before it exists, or the job has none. */
export class NoResultError extends Error {
  override readonly name = 'NoResultError';

  constructor(
    readonly code: 'video_not_ready' | 'job_not_ready',
    message: string,
  ) {
    super(message);
  }
}

/** An operation of OpenAI's API that no model here can do. */
export class UnsupportedOperationError extends Error {
  override readonly name = 'UnsupportedOperationError';
}

/** A signed link that is made up, changed or expired. */
export class InvalidLinkError extends Error {
  override readonly name = 'InvalidLinkError';

  constructor() {
    super('this link has expired, or its signature is wrong: GET the job with an API key for a new link');
  }
}
