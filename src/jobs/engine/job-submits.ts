import { Injectable } from '@nestjs/common';
import { SecretMissingError } from '../../credentials/worker-secrets.js';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import { ProbeHints } from '../../registry/live/probe-hints.js';
import type { Kept } from '../../registry/poll.js';
import { type FailureKind, UpstreamError } from '../../upstream/failure.js';
import type { UpstreamTimeouts } from '../../upstream/timeouts.js';
import { type UpstreamCall, UpstreamClient } from '../../upstream/upstream-client.js';
import type { Change } from './change.js';
import { joinInput } from '../files/input-files.js';
import { FileFetcher } from '../files/file-fetcher.js';
import { JobFiles } from '../files/job-files.js';
import type { JobInput } from '../job.js';
import { imageLinks, withImages } from '../job-values.js';
import { JobLooks, withTimeout } from './job-looks.js';
import { JobMetrics } from '../job-metrics.js';
import { JobRecorder } from './job-recorder.js';
import type { StartedJob } from './job-starts.js';
import { JobWorkers } from './job-workers.js';
import { afterSubmit, afterUnknownSubmit, failed, notTaken } from './next-step.js';
import {
  isOfRequest,
  isPollWorker,
  knownValues,
  type PollWorker,
  pollWorkersOf,
  submitCall,
} from './poll-workers.js';
import { WorkerRecords } from './worker-records.js';
import type { Recorded } from './job-leases.js';

const IMAGE_TIMEOUTS: UpstreamTimeouts = {
  connectMs: 10_000,
  firstByteMs: 30_000,
  idleMs: 30_000,
  totalMs: 60_000,
};
/** No byte of the request was sent. */
const NOT_SENT: ReadonlySet<FailureKind> = new Set<FailureKind>([
  'connect',
  'connect_timeout',
  'address_forbidden',
]);

interface Submit {
  readonly worker: PollWorker;
  readonly call: UpstreamCall;
}

/** Submits a job to its worker, once. What is not certainly untouched is never simply sent again. */
@Injectable()
export class JobSubmits {
  constructor(
    private readonly workers: JobWorkers,
    private readonly live: LiveWorkers,
    private readonly client: UpstreamClient,
    private readonly files: JobFiles,
    private readonly fetcher: FileFetcher,
    private readonly recorder: JobRecorder,
    private readonly looks: JobLooks,
    private readonly records: WorkerRecords,
    private readonly hints: ProbeHints,
    private readonly metrics: JobMetrics,
  ) {}

  /** @returns the job afterwards; `null`: it is not known here */
  async submit(job: StartedJob): Promise<Recorded | null> {
    const claim = { id: job.id, submit: job.submit };
    const prepared = await this.prepared(job);
    if ('state' in prepared) return this.recorder.record(claim, prepared, true);
    const { worker, call } = prepared;
    this.metrics.started(job.modelName, job.waitedMs);
    const { change, kept } = await this.send(job, worker, call);
    const recorded = await this.recorder.record(claim, change, true);
    // The job has ended meanwhile, as cancelled or unknown: the task would run for nothing.
    if (recorded === null && kept !== null)
      await this.looks.abandon(worker, knownValues(worker, { ...job, kept }));
    if (recorded !== null && kept !== null && job.inputBytes > 0)
      await this.files.deleteInputs(job.id).catch(() => {});
    return recorded;
  }

  /** The rendered submit, or why there is none. A database that goes away now has cost nothing yet. */
  private async prepared(job: StartedJob): Promise<Submit | Change> {
    try {
      const worker = job.workerId === null ? null : await this.workers.of(job.workerId);
      if (worker === null || !isPollWorker(worker))
        return notTaken(job.workerId, 'its worker was changed or deleted');
      const files = job.inputBytes > 0 ? await this.files.inputs(job.id) : new Map<number, string>();
      const call = await this.render(job, worker, files);
      return 'state' in call ? call : { worker, call };
    } catch (error) {
      if (error instanceof DatabaseUnavailableError) return notTaken(null, error.message);
      throw error;
    }
  }

  private async render(
    job: StartedJob,
    worker: PollWorker,
    files: ReadonlyMap<number, string>,
  ): Promise<UpstreamCall | Change> {
    try {
      const input = await this.withBytes(worker, joinInput(job.input, files));
      const call = submitCall(worker, { ...job, input });
      return { ...withTimeout(call, worker.call.poll.submitTimeoutMs), freshConnection: true };
    } catch (error) {
      // The address of an image is the client's own.
      const message = error instanceof Error ? error.message : String(error);
      if (error instanceof SecretMissingError) return failed('misconfigured', message);
      if (error instanceof UpstreamError)
        return failed('submit_refused', `an image of the request cannot be fetched from its URL: ${message}`);
      if (!isOfRequest(error)) return failed('misconfigured', message);
      const others = pollWorkersOf(this.live.model(job.modelName)).filter(
        ({ id }) => id !== worker.id && !job.unable.includes(id),
      );
      if (others.length === 0) return failed('submit_refused', message);
      return { state: 'queued', note: message, dueMs: 0, unable: worker.id };
    }
  }

  /** Links to images become data URLs where the worker's template needs their bytes. @throws UpstreamError */
  private async withBytes(worker: PollWorker, input: JobInput): Promise<JobInput> {
    const links = imageLinks(worker.call, input);
    if (links.length === 0) return input;
    const timeouts = withTimeout({ timeouts: IMAGE_TIMEOUTS }, worker.call.poll.submitTimeoutMs).timeouts;
    const fetched = new Map<string, string>();
    for (const link of links) fetched.set(link, await this.fetcher.dataUrlOf(link, timeouts));
    return withImages(input, (image) => fetched.get(image) ?? image);
  }

  private async send(
    job: StartedJob,
    worker: PollWorker,
    call: UpstreamCall,
  ): Promise<{ readonly change: Change; readonly kept: Kept | null }> {
    const { poll } = worker.call;
    try {
      const { status, headers, bytes } = await this.client.send(call, null);
      const reading = poll.readSubmit(
        { status, headers, body: bytes },
        knownValues(worker, { ...job, kept: {} }),
      );
      this.metrics.submitted(reading.kind);
      if (reading.kind === 'accepted') void this.records.note(worker.id, { kind: 'accepted' });
      // Before the job is queued again, or it would come straight back.
      if (reading.kind === 'busy') await this.records.note(worker.id, reading);
      if (reading.kind === 'unknown' && poll.resubmit !== 'never')
        await this.records.note(worker.id, { kind: 'fault' }, reading.message);
      const change = afterSubmit(reading, worker.id, job.submit, poll, Math.random());
      return { change, kept: reading.kind === 'accepted' ? reading.kept : null };
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      return { change: await this.afterFailure(job, worker, error), kept: null };
    }
  }

  private async afterFailure(job: StartedJob, worker: PollWorker, error: UpstreamError): Promise<Change> {
    const { poll } = worker.call;
    if (error.kind === 'unwritable_request') {
      this.metrics.submitted('refused');
      return failed('submit_refused', error.forClient);
    }
    if (NOT_SENT.has(error.kind)) {
      this.metrics.submitted('unreachable');
      this.hints.requestProbe(worker.id);
      await this.records.note(worker.id, { kind: 'unreachable' }, error.message);
      return notTaken(worker.id, error.forClient);
    }
    this.metrics.submitted('unknown');
    this.hints.requestProbe(worker.id);
    if (poll.resubmit !== 'never') await this.records.note(worker.id, { kind: 'fault' }, error.message);
    return afterUnknownSubmit(error.forClient, job.submit, poll);
  }
}
