import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type Caller, CurrentCaller } from '../../access/caller.js';
import { etagOf } from '../../input/if-match.js';
import { InputPipe } from '../../input/input-pipe.js';
import { PageQueryDto } from '../../input/page.dto.js';
import type { WorkerEventPageDto } from '../history/event.dto.js';
import { EventHistory } from '../history/event-history.js';
import type { WorkerDto } from '../worker-answers.dto.js';
import { WorkerViews } from '../worker-view.js';
import { SwitchDto } from './switch.dto.js';
import { type AdminSwitch, WorkerManagement } from './worker-management.js';

/** A worker's ON/OFF switch and its history. */
@Controller('api/v1/workers/:id')
export class WorkerSwitchesController {
  private readonly input = new InputPipe();

  constructor(
    private readonly management: WorkerManagement,
    private readonly history: EventHistory,
    private readonly views: WorkerViews,
  ) {}

  /** ON, from any state. Every replica clears the worker's ejection, also if it was enabled already. */
  @Post('enable')
  @HttpCode(200)
  @ApiBody({ type: SwitchDto, required: false })
  enable(
    @Param('id') id: string,
    @Body() sent: unknown,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkerDto> {
    return this.switch(id, 'enable', sent, caller, reply);
  }

  /** OFF: no new requests until an operator enables it; registering it again does not. */
  @Post('disable')
  @HttpCode(200)
  @ApiBody({ type: SwitchDto, required: false })
  disable(
    @Param('id') id: string,
    @Body() sent: unknown,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkerDto> {
    return this.switch(id, 'disable', sent, caller, reply);
  }

  /** No new requests. The worker goes offline when its running requests are done on every replica. */
  @Post('drain')
  @HttpCode(200)
  @ApiBody({ type: SwitchDto, required: false })
  drain(
    @Param('id') id: string,
    @Body() sent: unknown,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkerDto> {
    return this.switch(id, 'drain', sent, caller, reply);
  }

  /** No new requests from now on. The worker is deleted after OFFLINE_RETENTION_DAYS unless it registers again. */
  @Post('offline')
  @HttpCode(200)
  @ApiBody({ type: SwitchDto, required: false })
  offline(
    @Param('id') id: string,
    @Body() sent: unknown,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkerDto> {
    return this.switch(id, 'offline', sent, caller, reply);
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

  private async switch(
    id: string,
    to: AdminSwitch,
    sent: unknown,
    caller: Caller,
    reply: FastifyReply,
  ): Promise<WorkerDto> {
    // Most clients send no body.
    const { note } = this.input.transform(sent ?? {}, { type: 'body', metatype: SwitchDto }) as SwitchDto;
    const row = await this.management.switch(id, to, caller, note);
    reply.header('etag', etagOf(row.generation));
    return this.views.detail(row);
  }
}
