import { Injectable, Logger } from '@nestjs/common';
import { JobFiles } from '../files/job-files.js';
import { hasEnded } from '../job-rows.js';
import type { Recorded } from './job-leases.js';
import { JobMetrics } from '../job-metrics.js';
import { outcomeOf, WorkerRecords } from './worker-records.js';
import { Waiting } from '../waiting.js';
import type { JobErrorCode } from '../job.js';
import { UsageRecorder } from '../../usage/usage-recorder.js';
import type { UsedOutcome } from '../../usage/used.js';

/** By whose fault a job failed. */
const FAULTS: Readonly<Record<JobErrorCode, UsedOutcome>> = {
  busy: 'service',
  submit_refused: 'caller',
  submit_unknown: 'worker',
  upstream_failed: 'worker',
  upstream_lost: 'worker',
  result_missing: 'worker',
  result_unreachable: 'worker',
  result_forbidden: 'worker',
  timeout: 'worker',
  misconfigured: 'service',
  cancelled: 'caller',
  worker_deleted: 'service',
};

/** What follows from a change that was written: clients are notified, the worker's record changes, the log has a line. */
@Injectable()
export class JobEnds {
  private readonly logger = new Logger('Jobs');

  constructor(
    private readonly waiting: Waiting,
    private readonly records: WorkerRecords,
    private readonly metrics: JobMetrics,
    private readonly files: JobFiles,
    private readonly usage: UsageRecorder,
  ) {}

  /** @param workerId that had the job until now */
  changed(job: Recorded, workerId: string | null): void {
    this.waiting.changed([job.id]);
    if (!hasEnded(job)) {
      if (job.state === 'unknown') this.logger.warn(`job ${job.id} of ${job.model_name}: ${job.note}`);
      return;
    }
    // What is left goes with the job.
    void this.files.tidy(job.id).catch(() => {});
    this.usage.endedJob({
      ownerKey: job.owner_key,
      tenant: job.tenant,
      model: job.model_name,
      workerId: job.worker_id,
      outcome: job.error_code === null ? 'ok' : FAULTS[job.error_code as JobErrorCode],
      images: job.state === 'succeeded' && job.kind === 'image' ? job.files : 0,
      seconds: job.state === 'succeeded' && (job.kind === 'video' || job.kind === 'audio') ? job.seconds : 0,
    });
    this.metrics.ended(job.model_name, job.error_code ?? 'succeeded', job.age_ms);
    const seconds = Math.round(job.age_ms / 1000);
    const line = `job ${job.id} of ${job.model_name} ${job.state} after ${seconds} s`;
    if (job.state === 'failed') this.logger.warn(`${line}: ${job.error_code}: ${job.error}`);
    else this.logger.log(line);
    const outcome = workerId === null ? null : outcomeOf(job.error_code as JobErrorCode | null);
    if (workerId !== null && outcome !== null)
      void this.records.note(workerId, outcome, job.error === null ? '' : `${job.error_code}: ${job.error}`);
  }
}
