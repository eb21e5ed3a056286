import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InferenceSettings } from '../../../config/settings.js';
import type { Job } from '../../../jobs/job.js';
import { hasEnded, jobView } from '../../../jobs/job-view.js';
import { JobClients } from '../../../jobs/job-clients.js';
import { Jobs } from '../../../jobs/jobs.service.js';
import { ModelPolicies } from '../../../registry/models/model-policies.js';
import { errorTypeOf, UpstreamError } from '../../../upstream/failure.js';
import { ClientDisconnect } from '../../client/client-disconnect.js';
import { type Deadline, deadlineOf } from '../../client/request-headers.js';
import { type JobRequest, preferenceApplied, type Preferences, readPrefer, retryCountOf } from './new-job.js';
import { baseUrlOf, JobResults } from './job-results.js';
import { HangUps } from './hang-ups.js';
import { JobFailedError, JobNotFoundError, JobUnfinishedError } from './job-errors.js';
import type { JobFormat, LateFailure } from './job-formats.js';
import { DatabaseUnavailableError } from '../../../jobs/job-errors.js';
import type { ErrorType } from '../../../telemetry/error-type.js';
import { JobStarter } from './job-starter.js';
import { PatientReply } from './patient-reply.js';
import { COUNTED_BODY } from '../../../upstream/memory-budget.js';

/** Answers clients that wait for their jobs. */
@Injectable()
export class LongWork implements OnModuleDestroy {
  private readonly logger = new Logger('Jobs');
  private isClosing = false;

  constructor(
    private readonly jobs: Jobs,
    private readonly results: JobResults,
    private readonly hangUps: HangUps,
    private readonly clients: JobClients,
    private readonly starter: JobStarter,
    private readonly policies: ModelPolicies,
    private readonly settings: InferenceSettings,
  ) {}

  /** The service itself ends connections from here on: their clients did not hang up. */
  onModuleDestroy(): void {
    this.isClosing = true;
  }

  /**
   * Answers with the result of a job, or with the job itself where the client prefers that.
   * @throws errors that were not sent yet
   */
  async answer(
    http: FastifyRequest,
    reply: FastifyReply,
    request: JobRequest,
    format: JobFormat,
  ): Promise<void> {
    const preferences = readPrefer(http.headers['prefer']);
    const deadline = this.deadlineOf(http, request.model, preferences);
    const disconnect = new ClientDisconnect(reply.raw);
    const { job, created } = await this.starter.start(http, reply, request);
    if (!created) await this.clients.adopt(job.id, http.id);
    releaseBody(http, reply);
    // Not in this function: it would hold the request's images while its client waits.
    return this.ended(job, http, reply, format, { preferences, deadline, disconnect });
  }

  private async ended(
    job: Job,
    http: FastifyRequest,
    reply: FastifyReply,
    format: JobFormat,
    { preferences, deadline, disconnect }: Wait,
  ): Promise<void> {
    // Whatever comes now, the upstream may have received the request.
    reply.header('x-should-retry', 'false');
    const patient = new PatientReply(reply, preferences.respondAsync ? 'none' : format.patience);
    const leave = this.hangUps.enter(job.id);
    try {
      const last = await this.jobs.wait(job.id, deadline.deadlineMs, disconnect);
      if (last === null) throw new JobNotFoundError();
      note(http, reply, last);
      if (disconnect.aborted) throw new UpstreamError('aborted', 'the client disconnected');
      if (!hasEnded(last)) return this.unfinished(last, reply, preferences, deadline);
      if (last.state !== 'succeeded') throw JobFailedError.of(last);
      patient.end(await format.body(last, this.results, baseUrlOf(http)));
    } catch (error) {
      patient.stop();
      if (!patient.hasBegun || format.late === undefined) throw error;
      http.facts.errorType = errorTypeOfJob(error);
      patient.end(format.late(this.lateFailure(error)));
    } finally {
      leave();
      // A job that was to live on its own does so.
      if (disconnect.aborted && !this.isClosing && !preferences.respondAsync)
        this.hangUps.left(job, http.id, retryCountOf(http.headers) !== null);
    }
  }

  /** As the error filter answers, in a body: an unexpected error goes to the log alone. */
  private lateFailure(error: unknown): LateFailure {
    if (error instanceof JobFailedError) return error;
    if (isExpected(error)) return { code: null, message: error.message };
    this.logger.error(error);
    return { code: null, message: 'internal error; the log of the service has the details' };
  }

  private unfinished(job: Job, reply: FastifyReply, preferences: Preferences, { arrivedMs }: Deadline): void {
    if (!preferences.respondAsync) throw new JobUnfinishedError(job, performance.now() - arrivedMs);
    reply
      .code(202)
      .header('preference-applied', preferenceApplied(preferences))
      .type('application/json; charset=utf-8')
      .send(JSON.stringify(jobView(job)));
  }

  /** `wait` is how long the client waits; without it, a client that prefers a job gets it at once. */
  private deadlineOf(http: FastifyRequest, model: string, { respondAsync, waitMs }: Preferences): Deadline {
    const longestMs = this.policies.of(model)?.totalMs ?? this.settings.requestTimeoutMs;
    const deadline = deadlineOf(http.headers, longestMs);
    const preferredMs = waitMs ?? (respondAsync ? 0 : Infinity);
    return { ...deadline, deadlineMs: Math.min(deadline.deadlineMs, deadline.arrivedMs + preferredMs) };
  }
}

interface Wait {
  readonly preferences: Preferences;
  readonly deadline: Deadline;
  readonly disconnect: ClientDisconnect;
}

function isExpected(error: unknown): error is Error {
  return (
    error instanceof JobUnfinishedError ||
    error instanceof JobNotFoundError ||
    error instanceof UpstreamError ||
    error instanceof DatabaseUnavailableError
  );
}

function errorTypeOfJob(error: unknown): ErrorType {
  if (error instanceof JobFailedError || error instanceof JobUnfinishedError) return error.errorType;
  return error instanceof DatabaseUnavailableError ? 'manager_database_unavailable' : errorTypeOf(error);
}

/** For the log line and the headers of the response. */
function note({ facts }: FastifyRequest, reply: FastifyReply, { workerId }: Job): void {
  if (workerId === null) return;
  facts.workerId = workerId;
  facts.attempts = Math.max(1, facts.attempts);
  if (!reply.raw.headersSent) reply.header('x-mmm-worker-id', workerId);
}

/**
 * The job holds the content of the body, and its client may wait for minutes: the bytes are freed, and no longer count in the
 * memory budget, which counts them until the response is closed.
 */
function releaseBody(http: FastifyRequest, { raw, server }: FastifyReply): void {
  if (!Buffer.isBuffer(http.body)) return;
  const bytes = http.body.length;
  http.body = undefined;
  // Without a length it was counted as it came, and in what it took.
  if (Number(http.headers['content-length'] ?? NaN) !== bytes || bytes <= COUNTED_BODY || raw.closed) return;
  server.memoryBudget.release(bytes);
  raw.once('close', () => server.memoryBudget.hold(bytes));
}
