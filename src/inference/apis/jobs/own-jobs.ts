import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../../access/caller.js';
import type { Job } from '../../../jobs/job.js';
import { jobView, type JobView } from '../../../jobs/job-view.js';
import { Jobs } from '../../../jobs/jobs.service.js';
import { JobNotFoundError } from './job-errors.js';

/** Finds jobs for their owners. */
@Injectable()
export class OwnJobs {
  constructor(private readonly jobs: Jobs) {}

  /** @throws JobNotFoundError for the job of another owner, too */
  async get(id: string, http: FastifyRequest): Promise<Job> {
    const job = await this.jobs.find(id);
    if (job === null || !maySeeJob(http.caller, job)) throw new JobNotFoundError();
    return job;
  }

  /** Of any owner. @throws JobNotFoundError */
  async any(id: string): Promise<Job> {
    const job = await this.jobs.find(id);
    if (job === null) throw new JobNotFoundError();
    return job;
  }
}

/** The owner of the jobs that a caller makes: its key; '' of ADMIN_API_KEY and of clients that need no key. */
export function ownerOf({ keyId }: Caller): string {
  return keyId ?? '';
}

/** The owner whose jobs a caller may see; `null`: all jobs. */
export function ownerSeenBy(caller: Caller): string | null {
  return caller.role === 'inference' ? ownerOf(caller) : null;
}

/** The jobs of another owner do not exist for a key of the role inference. */
export function maySeeJob(caller: Caller, { ownerKey }: Pick<Job, 'ownerKey'>): boolean {
  const owner = ownerSeenBy(caller);
  return owner === null || owner === ownerKey;
}

/** A viewer reads jobs without what was requested and what came of it. */
export function shownTo({ role }: Caller, job: Job): JobView {
  const view = jobView(job);
  return role === 'viewer' ? { ...view, title: null, result: null } : view;
}
