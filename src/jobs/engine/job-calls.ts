import { Injectable, Logger } from '@nestjs/common';
import { NoWorkerAvailableError } from '../../balancing/balancing-errors.js';
import { JobSettings } from '../../config/job-settings.js';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { reasonForClient, type FailureKind, UpstreamError } from '../../upstream/failure.js';
import { ForbiddenUpstreamError } from '../../upstream/upstream-errors.js';
import type { Change } from './change.js';
import { FORBIDDEN_FILE, forbiddenReason } from '../files/file-fetcher.js';
import { joinInput } from '../files/input-files.js';
import { JobFiles } from '../files/job-files.js';
import type { Recorded } from './job-leases.js';
import { JobMetrics } from '../job-metrics.js';
import { JobRecorder } from './job-recorder.js';
import type { StartedJob } from './job-starts.js';
import { cancelled, failed } from './next-step.js';
import type { JobErrorCode } from '../job.js';
import { OneCalls } from '../one-call.js';
import { JobWorkers } from './job-workers.js';
import { ResultFetcher } from '../files/result-fetcher.js';

/** The pause before a job is tried again whose model had no free worker. */
const NO_WORKER_MS = 2_000;

/** Jobs of models without poll workers: one call is the submit and gives the result. */
@Injectable()
export class JobCalls {
  private readonly logger = new Logger('Jobs');

  constructor(
    private readonly calls: OneCalls,
    private readonly files: JobFiles,
    private readonly results: ResultFetcher,
    private readonly recorder: JobRecorder,
    private readonly metrics: JobMetrics,
    private readonly workers: JobWorkers,
    private readonly settings: JobSettings,
  ) {}

  /** @param signal fires when the job is cancelled @returns the job afterwards; `null`: another replica has it, or it has ended */
  async call(job: StartedJob, signal: AbortSignal): Promise<Recorded | null> {
    this.metrics.started(job.modelName, job.waitedMs);
    return this.recorder.record({ id: job.id, submit: job.submit }, await this.outcome(job, signal), true);
  }

  private async outcome(job: StartedJob, signal: AbortSignal): Promise<Change> {
    const port = this.calls.get();
    if (port === null) return failed('misconfigured', 'this service makes no calls for jobs');
    try {
      const files = job.inputBytes > 0 ? await this.files.inputs(job.id) : new Map<number, string>();
      const made = await port.call({ ...job, input: joinInput(job.input, files) }, signal);
      const target = { jobId: job.id, copy: job.submit };
      const origins = await this.workers.originsOf(made.workerId);
      const stored = await this.results.store(target, made.files, null, signal, 0, origins);
      return {
        state: 'succeeded',
        note: '',
        dueMs: 0,
        files: stored,
        ...(made.workerId === null ? {} : { workerId: made.workerId }),
      };
    } catch (error) {
      if (signal.aborted) return cancelled('the job was cancelled');
      const forbidden = forbiddenReason(error);
      if (forbidden !== null) this.logger.warn(`job ${job.id} may not use an address: ${forbidden}`);
      return afterFailedCall(error, this.settings.resultBytes);
    }
  }
}

/** Only what reached no worker is queued again: the call itself is retried by the pipeline of requests, where that is safe. */
export function afterFailedCall(error: unknown, mostBytes: number): Change {
  const message = error instanceof ForbiddenUpstreamError ? FORBIDDEN_FILE : reasonForClient(error);
  if (error instanceof NoWorkerAvailableError || error instanceof DatabaseUnavailableError)
    return { state: 'queued', note: message, dueMs: NO_WORKER_MS };
  if (forbiddenReason(error) !== null) return failed('result_forbidden', message);
  if (!(error instanceof UpstreamError)) return failed('submit_refused', message);
  if (error.kind === 'too_large')
    return failed('result_unreachable', `${message}; a job stores ${mostBytes} bytes at most`);
  return failed(CODE_OF_KIND[error.kind] ?? 'upstream_failed', message);
}

const CODE_OF_KIND: Partial<Record<FailureKind, JobErrorCode>> = {
  total_timeout: 'timeout',
  first_byte_timeout: 'timeout',
  idle_timeout: 'timeout',
  body_timeout: 'timeout',
  secret_missing: 'misconfigured',
  bad_definition: 'misconfigured',
  request_rejected: 'submit_refused',
  unwritable_request: 'submit_refused',
};
