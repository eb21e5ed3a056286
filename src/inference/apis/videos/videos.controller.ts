import { Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { maySeeJob, ownerSeenBy } from '../jobs/own-jobs.js';
import { type Fields, isPresent } from '../../../input/json.js';
import type { Job } from '../../../jobs/job.js';
import { hasEnded, publicState } from '../../../jobs/job-view.js';
import { Jobs } from '../../../jobs/jobs.service.js';
import { LiveWorkers } from '../../../registry/live/live-workers.js';
import { FileResponses } from '../jobs/file-responses.js';
import { JobNotFoundError, NoResultError, UnsupportedOperationError } from '../jobs/job-errors.js';
import { showClass } from '../../client/response-headers.js';
import { JobStarter } from '../jobs/job-starter.js';
import { readBodyFields } from '../openai/client-request.js';
import { ApiExcludeEndpoint } from '@nestjs/swagger';
import { DeletedVideoDto, VideoDto, VideoListDto } from './videos-api.dto.js';
import { VideoRequests } from './video-requests.js';
import { jobIdOf, type VideoDefaults, videoList, type VideoObject, videoObject } from './video-view.js';

/** OpenAI's videos: each is a job of kind video. */
@Controller('v1/videos')
export class VideosController {
  constructor(
    private readonly jobs: Jobs,
    private readonly starter: JobStarter,
    private readonly requests: VideoRequests,
    private readonly files: FileResponses,
    private readonly live: LiveWorkers,
  ) {}

  /** Begins a video, from a form or from JSON. */
  @Post()
  @HttpCode(200)
  async create(
    @Req() http: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VideoDto> {
    const request = await this.requests.of(readBodyFields(http));
    const { job } = await this.starter.start(http, reply, request);
    return this.shown(job);
  }

  /** The client's own videos. */
  @Get()
  async list(@Query() query: Fields, @Req() http: FastifyRequest): Promise<VideoListDto> {
    const { after, limit, order } = this.requests.page(query);
    const ownerKey = ownerSeenBy(http.caller);
    const found = await this.jobs.list({ ownerKey, kind: 'video', after, limit, order });
    return videoList(found.jobs, found.hasMore, (job) => this.defaultsOf(job));
  }

  /** A video as it is now. */
  @Get(':id')
  async retrieve(
    @Param('id') id: string,
    @Req() http: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VideoDto> {
    const job = await this.own(id, http);
    showClass(reply, job.priority);
    return this.shown(job);
  }

  /** The film itself; with `Range`, a part of it. */
  @Get(':id/content')
  async content(
    @Param('id') id: string,
    @Query() { variant }: Fields,
    @Req() http: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const job = await this.own(id, http);
    if (isPresent(variant) && variant !== 'video') throw new UnsupportedOperationError(NO_VARIANT);
    // Not 409, which clients would retry at once.
    if (!hasEnded(job))
      throw new NoResultError(
        'video_not_ready',
        `the video is ${this.shown(job).status}: GET it until it is completed`,
      );
    if (job.state !== 'succeeded')
      throw new NoResultError(
        'video_not_ready',
        `the video is ${publicState(job.state)}: ${job.error?.message ?? 'it has no content'}`,
      );
    await this.files.send(job, '0', http, reply);
  }

  /** Deletes a video, and cancels one that is not done. */
  @Delete(':id')
  async delete(@Param('id') id: string, @Req() http: FastifyRequest): Promise<DeletedVideoDto> {
    const job = await this.own(id, http);
    return { id, object: 'video.deleted', deleted: await this.jobs.remove(job.id, http.caller) };
  }

  /** Only OpenAI's own service can do these. */
  @ApiExcludeEndpoint()
  @Post([':id/remix', 'edits', 'extensions', 'characters'])
  remake(@Req() http: FastifyRequest): never {
    throw new UnsupportedOperationError(
      `${http.url} is not supported: create a new video with POST /v1/videos`,
    );
  }

  @ApiExcludeEndpoint()
  @Get('characters/:id')
  character(): never {
    throw new UnsupportedOperationError('/v1/videos/characters is not supported');
  }

  /** @throws JobNotFoundError for the video of another owner, too */
  private async own(id: string, http: FastifyRequest): Promise<Job> {
    const jobId = jobIdOf(id);
    const job = jobId === null ? null : await this.jobs.find(jobId);
    if (job === null || job.kind !== 'video' || !maySeeJob(http.caller, job))
      throw new JobNotFoundError('video');
    return job;
  }

  private shown(job: Job): VideoObject {
    return videoObject(job, this.defaultsOf(job));
  }

  private defaultsOf({ workerId, modelName }: Job): VideoDefaults {
    const own = workerId === null ? undefined : this.live.worker(workerId);
    const { seconds, size } = (own ?? this.live.model(modelName)?.workers[0])?.defaults ?? {};
    return { seconds, size };
  }
}

const NO_VARIANT = 'variant: must be video; models here make no thumbnails or spritesheets';
