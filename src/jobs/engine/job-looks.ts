import { Injectable, Logger } from '@nestjs/common';
import { SecretMissingError } from '../../credentials/worker-secrets.js';
import { JobSettings } from '../../config/job-settings.js';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import type { KnownValues, PollCall, StatusReading } from '../../registry/poll.js';
import { reasonForClient, UpstreamError } from '../../upstream/failure.js';
import { type UpstreamCall, UpstreamClient } from '../../upstream/upstream-client.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import type { Change } from './change.js';
import type { ClaimedJob } from './job-leases.js';
import { JobMetrics } from '../job-metrics.js';
import { JobWorkers } from './job-workers.js';
import { LookPauses } from './look-limits.js';
import { afterCancel, afterLostSubmit, afterStatus, cancelled, failed } from './next-step.js';
import { isPollWorker, knownValues, type PollWorker } from './poll-workers.js';
import { resultAgain, resultRefused } from './result-steps.js';
import { ResultFetcher } from '../files/result-fetcher.js';

const TOO_LATE = cancelled('the job was cancelled', 'its result did not come in time');

/** A definition that cannot be used now may be mended before the job's deadline. */
const MENDING_MS = 10_000;

/** One look at a job that is due: polls its upstream, fetches its result, or cancels it there. */
@Injectable()
export class JobLooks {
  private readonly logger = new Logger('Jobs');

  constructor(
    private readonly workers: JobWorkers,
    private readonly client: UpstreamClient,
    private readonly results: ResultFetcher,
    private readonly pauses: LookPauses,
    private readonly metrics: JobMetrics,
    private readonly settings: JobSettings,
  ) {}

  /** @returns what is to be written; `null`: the look was broken off @throws DatabaseUnavailableError */
  async look(job: ClaimedJob, signal: AbortSignal): Promise<Change | null> {
    if (job.mode === 'call') return afterLostSubmit(job, null, this.settings);
    if (job.workerId === null) return failed('worker_deleted', 'its worker was deleted while it ran');
    const worker = await this.workers.of(job.workerId);
    if (worker === null) return failed('worker_deleted', 'its worker was deleted while it ran');
    if (!isPollWorker(worker)) {
      const fault = 'fault' in worker.call ? worker.call.fault : 'its definition no longer has poll';
      return misconfigured(job, `its worker cannot be polled: ${fault}`);
    }
    const { poll } = worker.call;
    if (job.state === 'unknown') {
      const change = afterLostSubmit(job, poll, this.settings);
      if (change !== null) return change;
    }
    const wanted = job.cancelWanted ? this.limited(job, signal) : signal;
    try {
      const change = await this.pollUpstream(job, worker, signal, wanted);
      if (change === null && wanted.aborted && !signal.aborted) return TOO_LATE;
      // A submit whose task the upstream has not: there is nothing to cancel.
      return change !== null && job.cancelWanted && mayBeCancelled(change) && job.state !== 'unknown'
        ? await this.cancel(job, worker, signal)
        : change;
    } catch (error) {
      if (signal.aborted) return null;
      if (wanted.aborted) return TOO_LATE;
      if (error instanceof DatabaseUnavailableError) throw error;
      if (error instanceof SecretMissingError) return misconfigured(job, error.message);
      return failed('misconfigured', reasonForClient(error));
    }
  }

  /** A task that was done when the cancel came stays done, if its result comes in time. */
  private limited({ cancelMs }: ClaimedJob, signal: AbortSignal): AbortSignal {
    const leftMs = Math.max(0, this.settings.cancelMs - (cancelMs ?? 0));
    return AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(leftMs))]);
  }

  /** Sends the cancel of a task that is no longer wanted; the answer changes nothing. */
  async abandon(worker: PollWorker, known: KnownValues): Promise<void> {
    try {
      for (const call of worker.call.poll.cancel(known))
        await this.client.send(withTimeout(call, this.settings.lookTimeoutMs), null);
    } catch {
      // Nothing depends on it.
    }
  }

  /** @param wanted ends before `signal` where nothing waits for the result any more */
  private async pollUpstream(
    job: ClaimedJob,
    worker: PollWorker,
    signal: AbortSignal,
    wanted: AbortSignal,
  ): Promise<Change | null> {
    const { poll } = worker.call;
    const known = knownValues(worker, job);
    const reading = await this.statusOf(worker, known, signal);
    this.metrics.looked(reading.kind, job.lateMs);
    if (reading.kind === 'again' && reading.retryAfterMs !== null)
      this.pauses.pause(worker.id, reading.retryAfterMs);
    else if (reading.kind !== 'again') this.pauses.answered(worker.id);
    const change = afterStatus(job, reading, poll, this.settings, Math.random());
    if (change?.error?.code === 'timeout' && !job.cancelWanted) void this.abandon(worker, known);
    if (change !== null || reading.kind !== 'done') return change;
    return this.result(job, reading.answer, reading.word, poll, known, wanted);
  }

  private async statusOf(
    worker: PollWorker,
    known: KnownValues,
    signal: AbortSignal,
  ): Promise<StatusReading> {
    const { poll } = worker.call;
    const call = withTimeout(poll.status(known), this.settings.lookTimeoutMs);
    let answer: UpstreamAnswer;
    try {
      answer = await this.client.send(call, signal);
    } catch (error) {
      if (!(error instanceof UpstreamError) || signal.aborted) throw error;
      // Clients read the note.
      this.logger.debug(`a look at worker ${worker.id}: ${error.message}`);
      return { kind: 'again', retryAfterMs: null, note: error.forClient };
    }
    const reading = poll.readStatus(
      { status: answer.status, headers: answer.headers, body: answer.bytes },
      known,
    );
    if (answer.status !== 429 || reading.kind !== 'again') return reading;
    return { ...reading, retryAfterMs: reading.retryAfterMs ?? this.pauses.nextMs(worker.id) };
  }

  private async result(
    job: ClaimedJob,
    answer: unknown,
    word: string,
    poll: PollCall,
    known: KnownValues,
    signal: AbortSignal,
  ): Promise<Change> {
    const outcome = await this.results.fetch({ jobId: job.id, copy: job.fence }, poll, answer, known, signal);
    switch (outcome.kind) {
      case 'files':
        return {
          state: 'succeeded',
          note: '',
          dueMs: 0,
          word,
          files: outcome.files,
          isLook: true,
          isDone: true,
          // What was copied does not expire.
          ...(poll.expiresS === null || outcome.files.every(({ copy }) => copy !== null)
            ? {}
            : { expiresMs: poll.expiresS * 1000 }),
        };
      case 'again':
        if (signal.aborted) throw new UpstreamError('aborted', outcome.note);
        return {
          ...resultAgain(job, outcome.note, outcome.retryAfterMs, poll, this.settings, Math.random()),
          word,
        };
      case 'refused':
        return { ...resultRefused(job, outcome.note, poll, this.settings, Math.random()), word };
      case 'failed':
        return { ...failed(outcome.code, outcome.message), word, isLook: true };
    }
  }

  private async cancel(job: ClaimedJob, worker: PollWorker, signal: AbortSignal): Promise<Change> {
    const calls = worker.call.poll.cancel(knownValues(worker, job));
    if (calls.length === 0) return afterCancel(job, 'no way', this.settings);
    const statuses: number[] = [];
    for (const call of calls) {
      try {
        statuses.push(
          (await this.client.send(withTimeout(call, this.settings.lookTimeoutMs), signal)).status,
        );
      } catch (error) {
        if (!(error instanceof UpstreamError) || signal.aborted) throw error;
      }
    }
    const accepted = statuses.some((status) => status >= 200 && status < 300);
    const refused =
      statuses.length === calls.length && statuses.every((status) => status >= 400 && status < 500);
    return afterCancel(job, accepted ? 'accepted' : refused ? 'refused' : null, this.settings);
  }
}

/** A deadline that passes while the cancel is sent does not change how the job ends. */
function mayBeCancelled({ state, error }: Change): boolean {
  return state === 'running' || state === 'cancelling' || error?.code === 'timeout';
}

/** The worker's definition may be mended until the job's deadline. */
function misconfigured(job: ClaimedJob, why: string): Change {
  if (job.isOverdue || job.state === 'unknown') return failed('misconfigured', why);
  if (job.cancelWanted)
    return {
      ...failed('misconfigured', why),
      state: 'cancelled',
      error: { code: 'cancelled', message: why },
    };
  return { state: job.state, note: why, dueMs: MENDING_MS };
}

export function withTimeout<Call extends Pick<UpstreamCall, 'timeouts'>>(call: Call, totalMs: number): Call {
  const { timeouts } = call;
  return { ...call, timeouts: { ...timeouts, connectMs: Math.min(timeouts.connectMs, totalMs), totalMs } };
}
