import { Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type Caller, CurrentCaller } from '../../access/caller.js';
import { etagOf } from '../../input/if-match.js';
import { PageQueryDto } from '../../input/page.dto.js';
import type { WorkerEventPageDto } from '../history/event.dto.js';
import { EventHistory } from '../history/event-history.js';
import type { WorkerDto } from '../worker-answers.dto.js';
import { WorkerViews } from '../worker-view.js';
import { type AdminSwitch, WorkerManagement } from './worker-management.js';

/** A worker's ON/OFF switch and its history. */
@Controller('api/v1/workers/:id')
export class WorkerSwitchesController {
  constructor(
    private readonly management: WorkerManagement,
    private readonly history: EventHistory,
    private readonly views: WorkerViews,
  ) {}

  /** ON, from any state. Every replica clears the worker's ejection, also if it was enabled already. */
  @Post('enable')
  @HttpCode(200)
  enable(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkerDto> {
    return this.switch(id, 'enable', caller, reply);
  }

  /** OFF: no new requests until an operator enables it; registering it again does not. */
  @Post('disable')
  @HttpCode(200)
  disable(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkerDto> {
    return this.switch(id, 'disable', caller, reply);
  }

  /** No new requests. The worker goes offline when its running requests are done on every replica. */
  @Post('drain')
  @HttpCode(200)
  drain(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkerDto> {
    return this.switch(id, 'drain', caller, reply);
  }

  /** No new requests from now on. The worker is deleted after OFFLINE_RETENTION_DAYS unless it registers again. */
  @Post('offline')
  @HttpCode(200)
  offline(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkerDto> {
    return this.switch(id, 'offline', caller, reply);
  }

  /** What changed and when, with the values before and after, and the actor, newest first; also of a deleted worker. */
  @Get('events')
  events(
    @Param('id') id: string,
    @Query() query: PageQueryDto,
    @CurrentCaller() caller: Caller,
  ): Promise<WorkerEventPageDto> {
    return this.history.ofWorker(id, query, caller);
  }

  private async switch(id: string, to: AdminSwitch, caller: Caller, reply: FastifyReply): Promise<WorkerDto> {
    const row = await this.management.switch(id, to, caller);
    reply.header('etag', etagOf(row.generation));
    return this.views.detail(row);
  }
}
