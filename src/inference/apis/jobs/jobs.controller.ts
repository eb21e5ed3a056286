import { Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OwnJobs, ownerSeenBy, shownTo } from './own-jobs.js';
import { limitOf, pageOf, readCursor } from '../../../input/page.dto.js';
import { hasEnded, jobView } from '../../../jobs/job-view.js';
import { Jobs } from '../../../jobs/jobs.service.js';
import { JobEvents } from './job-events.js';
import { showClass } from '../../client/response-headers.js';
import { JobNotFoundError } from './job-errors.js';
import { JobDto, JobPageDto, JOBS_CURSOR, ListJobsQueryDto, NewJobDto } from './jobs-api.dto.js';
import { JobStarter } from './job-starter.js';
import { JobRequests } from './job-requests.js';
import { FileResponses } from './file-responses.js';

/** Long work: jobs that a client makes, follows and cancels. */
@Controller('api/v1/jobs')
export class JobsController {
  constructor(
    private readonly jobs: Jobs,
    private readonly starter: JobStarter,
    private readonly requests: JobRequests,
    private readonly events: JobEvents,
    private readonly own: OwnJobs,
  ) {}

  /**
   * Makes a job: 202, and 200 for a repetition with the same `Idempotency-Key`. Fields that are not listed here are for
   * the worker's template ({EXTRA.name}).
   */
  @Post()
  @HttpCode(202)
  @ApiBody({ type: NewJobDto })
  async create(
    @Req() http: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobDto> {
    const request = await this.requests.ofBody(http.body);
    const { job, created } = await this.starter.start(http, reply, request);
    if (!created) reply.code(200);
    return jobView(job);
  }

  /** Jobs, newest first: of a key of the role inference its own, of other roles all. */
  @Get()
  async list(@Query() query: ListJobsQueryDto, @Req() http: FastifyRequest): Promise<JobPageDto> {
    const limit = limitOf(query);
    const [after] = readCursor(query.cursor, JOBS_CURSOR) ?? [];
    const { status, model, kind } = query;
    const found = await this.jobs.list({
      ownerKey: ownerSeenBy(http.caller),
      status,
      model,
      kind,
      after,
      limit,
      order: 'desc',
    });
    const more = found.hasMore ? found.jobs.slice(-1) : [];
    return pageOf(
      [...found.jobs, ...more],
      limit,
      JOBS_CURSOR,
      ({ id }) => [id],
      (job) => shownTo(http.caller, job),
    );
  }

  /** A job as it is now. */
  @Get(':id')
  async read(
    @Param('id') id: string,
    @Req() http: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobDto> {
    const job = await this.own.get(id, http);
    showClass(reply, job.priority);
    return shownTo(http.caller, job);
  }

  /** Cancels a job: 202 while the cancel is sent to the upstream, 200 once it has ended. A job that had ended stays as it is. */
  @Delete(':id')
  @HttpCode(202)
  async cancel(
    @Param('id') id: string,
    @Req() http: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobDto> {
    await this.own.get(id, http);
    const job = await this.jobs.cancel(id, http.caller);
    if (job === null) throw new JobNotFoundError();
    showClass(reply, job.priority);
    if (hasEnded(job)) reply.code(200);
    return jobView(job);
  }

  /** The job at every change, as server-sent events that end with the job; `Last-Event-ID` skips what is known. */
  @Get(':id/events')
  async follow(
    @Param('id') id: string,
    @Req() http: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const job = await this.own.get(id, http);
    showClass(reply, job.priority);
    await this.events.send(job, http, reply);
  }
}

/** The files of jobs. */
@Controller('api/v1/jobs/:id/files')
export class JobFilesController {
  constructor(
    private readonly own: OwnJobs,
    private readonly files: FileResponses,
  ) {}

  /** A file of the result; with `Range`, a part of it. A signed link from an answer needs no key. */
  @Get(':number')
  async file(
    @Param('id') id: string,
    @Param('number') number: string,
    @Req() http: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const isSigned = await this.files.checkLink(http, id, Number(number));
    await this.files.send(
      isSigned ? await this.own.any(id) : await this.own.get(id, http),
      number,
      http,
      reply,
    );
  }
}
