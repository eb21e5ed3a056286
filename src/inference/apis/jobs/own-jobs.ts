import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Job } from '../../../jobs/job.js';
import { Jobs } from '../../../jobs/jobs.service.js';
import { JobNotFoundError } from './job-errors.js';

/** Finds jobs for their owners. */
@Injectable()
export class OwnJobs {
  constructor(private readonly jobs: Jobs) {}

  /** @throws JobNotFoundError for the job of another owner, too */
  async get(id: string, http: FastifyRequest): Promise<Job> {
    const job = await this.jobs.find(id);
    if (job === null || job.ownerKey !== ownerOf(http)) throw new JobNotFoundError();
    return job;
  }

  /** Of any owner. @throws JobNotFoundError */
  async any(id: string): Promise<Job> {
    const job = await this.jobs.find(id);
    if (job === null) throw new JobNotFoundError();
    return job;
  }
}

/** The owner of what a request makes: '' while there is one key for all. */
export function ownerOf(_request: { readonly headers: IncomingHttpHeaders }): string {
  return '';
}
