import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { JobInput, JobKind } from '../../../jobs/job.js';
import { Jobs } from '../../../jobs/jobs.service.js';
import { LiveWorkers } from '../../../registry/live/live-workers.js';
import { ModelLookup } from '../../../registry/live/model-lookup.js';
import type { Worker } from '../../../registry/worker.js';
import type { InferenceRequest } from '../../client/inference-request.js';
import { readPrefer } from './new-job.js';
import type { JobFormat } from './job-formats.js';
import { LongWork } from './long-work.js';

/** A call as a job, and how its client gets the result. */
export interface JobCall {
  readonly kind: JobKind;
  readonly input: JobInput;
  readonly format: JobFormat;
}

/** Decides which calls of the ordinary endpoints are jobs, and answers those. */
@Injectable()
export class JobFront {
  constructor(
    private readonly jobs: Jobs,
    private readonly longWork: LongWork,
    private readonly live: LiveWorkers,
    private readonly lookup: ModelLookup,
  ) {}

  /** Whether a call may be a job. false, the answer for ordinary models, costs one look into memory. */
  mayTake(model: string, http: FastifyRequest): boolean {
    return (
      http.headers['prefer'] !== undefined || this.jobs.serves(model) || this.live.model(model) === undefined
    );
  }

  /**
   * Answers a call that is a job: its model has workers with `poll`, its client prefers a job, or only a job can hold its
   * result. Any other goes its ordinary way.
   * @param needsJob whether a job is needed for another reason
   */
  async answer(
    { model, priority }: Pick<InferenceRequest, 'model' | 'priority'>,
    http: FastifyRequest,
    reply: FastifyReply,
    call: (workers: readonly Worker[]) => JobCall,
    ordinary: () => Promise<void>,
    needsJob: (workers: readonly Worker[]) => boolean = () => false,
  ): Promise<void> {
    // A model that was registered at another replica a moment ago.
    const { workers } = this.live.model(model) ?? (await this.lookup.find(model)) ?? NO_WORKERS;
    const { respondAsync } = readPrefer(http.headers['prefer']);
    if (!this.jobs.serves(model) && !respondAsync && !needsJob(workers)) return ordinary();
    const { kind, input, format } = call(workers);
    return this.longWork.answer(http, reply, { model, kind, input, webhookUrl: null, priority }, format);
  }
}

const NO_WORKERS: { readonly workers: readonly Worker[] } = { workers: [] };
