import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { checkModel } from '../../../access/caller.js';
import { Limiter } from '../../../access/limits/limiter.js';
import { ownerOf } from './own-jobs.js';
import type { Job } from '../../../jobs/job.js';
import { pollWorkersOf } from '../../../jobs/engine/poll-workers.js';
import { jobPath } from '../../../jobs/job-view.js';
import { Jobs } from '../../../jobs/jobs.service.js';
import { LiveWorkers } from '../../../registry/live/live-workers.js';
import { InvalidInputError } from '../../../input/input-errors.js';
import { showClass, showIgnored } from '../../client/response-headers.js';
import { BYTES_PER_TOKEN } from '../../../usage/used.js';
import { InferenceRequests, WORKER_HEADER } from '../../client/inference-request.js';
import { idempotencyKeyOf, ignoredFields, type JobRequest, requestHash, retryCountOf } from './new-job.js';

/** A client's retry means a job that lives, or ended within this time. */
const REPEATED_WITHIN_MS = 120_000;

export interface StartedJob {
  readonly job: Job;
  /** `false`: the request is a repetition. */
  readonly created: boolean;
}

/** Held until the request has ended; what the call of the job used is charged when that has ended. */
function estimatedTokens({ kind, input }: JobRequest): number {
  if (kind !== 'text') return 0;
  return Math.ceil(Buffer.byteLength(input.prompt) / BYTES_PER_TOKEN) + (input.max_tokens ?? 0);
}

/** Makes jobs of requests. */
@Injectable()
export class JobStarter {
  constructor(
    private readonly jobs: Jobs,
    private readonly live: LiveWorkers,
    private readonly limiter: Limiter,
    private readonly requests: InferenceRequests,
  ) {}

  /**
   * The job of a request, which the headers of the response name. A repetition gives the job that there is: one with the same `Idempotency-Key`, or the retry of an
   * OpenAI client, which sends no key.
   * @throws ForbiddenError, LimitedError, InvalidInputError, and what Jobs.create throws
   */
  async start(http: FastifyRequest, reply: FastifyReply, request: JobRequest): Promise<StartedJob> {
    checkModel(http.caller, request.model);
    refuseChosenWorker(http);
    // A call that becomes a job was admitted as a call.
    this.limiter.enter(http, reply, () => estimatedTokens(request));
    const started = await this.found(http, request);
    http.facts.isJob = true;
    const { id, priority } = started.job;
    reply.header('x-mmm-job-id', id).header('location', jobPath(id));
    showClass(reply, priority);
    showIgnored(reply, this.ignored(request));
    return started;
  }

  /** Hints that no template of the model has a place for. */
  private ignored({ model, input }: JobRequest): readonly string[] {
    const templates = pollWorkersOf(this.live.model(model)).map(({ call }) => call.placeholders);
    return templates.length === 0 ? [] : ignoredFields(input, templates);
  }

  private async found(http: FastifyRequest, request: JobRequest): Promise<StartedJob> {
    const { model: modelName, kind, input, webhookUrl } = request;
    const priority = request.priority ?? this.requests.priorityOf(http, modelName, undefined);
    const idempotencyKey = idempotencyKeyOf(http.raw);
    const ownerKey = ownerOf(http.caller);
    const hash = requestHash(request, http.caller.actsFor);
    http.facts.model = this.live.model(modelName) === undefined ? null : modelName;
    if (idempotencyKey === null && (retryCountOf(http.headers) ?? 0) > 0) {
      const job = await this.jobs.findRepeated(
        { ownerKey, modelName, requestHash: hash },
        REPEATED_WITHIN_MS,
      );
      if (job !== null && answersRetry(job)) return { job, created: false };
    }
    const wanted = {
      modelName,
      kind,
      priority,
      ownerKey,
      tenant: http.caller.actsFor ?? '',
      actor: http.caller,
      input,
      requestId: http.id,
      requestHash: hash,
    };
    return this.jobs.create({ ...wanted, idempotencyKey, webhookUrl });
  }
}

/** @throws InvalidInputError naming the header, which would else be ignored */
function refuseChosenWorker({ headers }: FastifyRequest): void {
  if (headers[WORKER_HEADER] === undefined) return;
  const problem = 'is not possible here: the call becomes a job, and a job goes to any worker of its model';
  throw new InvalidInputError([{ field: WORKER_HEADER, problem }]);
}

/** A job that its client left, or that no worker ever took, is made anew. */
function answersRetry({ state, error }: Job): boolean {
  return state !== 'cancelled' && state !== 'cancelling' && error?.code !== 'busy';
}
