import { Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { etagOf } from '../../input/if-match.js';
import { PageQueryDto } from '../../input/page.dto.js';
import type { AdminSwitch } from './worker-management.js';
import { WorkerDto, WorkerEventPageDto } from '../worker-answers.dto.js';
import { WorkerDetails } from './worker-details.js';
import { WorkerLists } from './worker-lists.js';
import { WorkerManagement } from './worker-management.js';

/** A worker's ON/OFF switch, and what happened to it. */
@Controller('api/v1/workers/:id')
export class WorkerSwitchesController {
  constructor(
    private readonly management: WorkerManagement,
    private readonly lists: WorkerLists,
    private readonly details: WorkerDetails,
  ) {}

  /** ON: from any state; every replica forgets what it holds against the worker, also if it was enabled already. */
  @Post('enable')
  @HttpCode(200)
  enable(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<WorkerDto> {
    return this.switch(id, 'enable', reply);
  }

  /** OFF: no new requests until somebody enables it; registering it anew does not. */
  @Post('disable')
  @HttpCode(200)
  disable(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<WorkerDto> {
    return this.switch(id, 'disable', reply);
  }

  /** No new requests; when the running ones are done everywhere, it goes offline by itself. */
  @Post('drain')
  @HttpCode(200)
  drain(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<WorkerDto> {
    return this.switch(id, 'drain', reply);
  }

  /** Takes it out at once: no new requests, and forgotten after a while unless it registers again. */
  @Post('offline')
  @HttpCode(200)
  offline(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<WorkerDto> {
    return this.switch(id, 'offline', reply);
  }

  /** Who and what changed it and when, newest first; also of a worker that is deleted. */
  @Get('events')
  events(@Param('id') id: string, @Query() query: PageQueryDto): Promise<WorkerEventPageDto> {
    return this.lists.events(id, query);
  }

  private async switch(id: string, to: AdminSwitch, reply: FastifyReply): Promise<WorkerDto> {
    const row = await this.management.switch(id, to);
    reply.header('etag', etagOf(row.generation));
    return this.details.of(row);
  }
}
