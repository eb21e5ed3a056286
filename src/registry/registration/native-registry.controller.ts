import { Readable } from 'node:stream';
import { Body, Controller, Get, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiOkResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type Caller, CurrentCaller } from '../../access/caller.js';
import { LiveWorkers } from '../live/live-workers.js';
import { inSlices } from '../live/slices.js';
import { WorkerActivity } from '../live/worker-activity.js';
import { ListWorkersDto } from '../list-workers-query.dto.js';
import { HeartbeatDto, OfflineWorkerDto, RegisterWorkerDto } from '../register-worker.dto.js';
import { DoneDto, WorkerListDto } from '../worker-answers.dto.js';
import { NAME_COLUMNS, OVERVIEW_COLUMNS, overviewOf } from '../worker-view.js';
import { HeartbeatService } from './heartbeat.service.js';
import { RegistrationService } from './registration.service.js';

/** The native registry API. Its paths, fields and texts are fixed: existing clients compare them to the letter. */
@Controller('api/server')
export class NativeRegistryController {
  constructor(
    private readonly registration: RegistrationService,
    private readonly heartbeats: HeartbeatService,
    private readonly activity: WorkerActivity,
    private readonly live: LiveWorkers,
  ) {}

  /** Registers a worker, by its definition or by a preset. */
  @Post('register')
  @HttpCode(200)
  @ApiBody({ type: RegisterWorkerDto })
  async register(@Body() sent: unknown, @CurrentCaller() caller: Caller): Promise<DoneDto> {
    const { model_name } = await this.registration.register(sent, caller);
    return { success: true, msg: `register LLM ${model_name} succeed!` };
  }

  /** All workers that are not offline, oldest first; as last seen while the database is away. */
  @Get('workers')
  @ApiOkResponse({ type: WorkerListDto })
  async workers(
    @Query() { detail }: ListWorkersDto,
    @CurrentCaller() caller: Caller,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const pieces = new PieceList();
    if (detail === 'true')
      await pieces.add(await this.registration.list(caller, OVERVIEW_COLUMNS), (row) =>
        overviewOf(row, this.activity.of(row.id), this.live.worker(row.id)?.power ?? null),
      );
    else
      await pieces.add(
        await this.registration.list(caller, NAME_COLUMNS),
        ({ model_name, req_url_template }) => ({
          model_name,
          req_url_template,
        }),
      );
    const { body, length } = pieces.end();
    await reply
      .type('application/json; charset=utf-8')
      .header('content-length', length)
      .send(Readable.from(body));
  }

  /** Takes a worker out: it gets no new requests, and running ones finish. */
  @Post('offline')
  @HttpCode(200)
  async offline(@Body() dto: OfflineWorkerDto, @CurrentCaller() caller: Caller): Promise<DoneDto> {
    await this.registration.takeOffline(dto, caller);
    return {
      success: true,
      msg: `remove llm worker(model_name=${dto.model_name}, url=${dto.req_url_template}) succeed!`,
    };
  }

  /** Renews a worker that was registered with `heartbeat_ttl_s`. */
  @Post('heartbeat')
  @HttpCode(200)
  async heartbeat(@Body() dto: HeartbeatDto, @CurrentCaller() caller: Caller): Promise<DoneDto> {
    await this.heartbeats.renew(dto, caller);
    const { model_name, req_url_template } = dto;
    return {
      success: true,
      msg: `heartbeat of llm worker(model_name=${model_name}, url=${req_url_template}) received`,
    };
  }
}

const PIECE_CHARACTERS = 65_536;

/**
 * The body of the list, which has no pages, in pieces. Ten thousand workers, written at once, would make all requests wait:
 * rows become text in slices, and pieces are sent one by one.
 */
class PieceList {
  private readonly body: Buffer[] = [];
  private text = '{"success":true,"data":[';
  private isFirst = true;

  async add<Row>(rows: readonly Row[], show: (row: Row) => object): Promise<void> {
    await inSlices(rows, (row) => {
      this.text += `${this.isFirst ? '' : ','}${JSON.stringify(show(row))}`;
      this.isFirst = false;
      if (this.text.length >= PIECE_CHARACTERS) this.cut();
    });
  }

  end(): { readonly body: readonly Buffer[]; readonly length: number } {
    this.text += ']}';
    this.cut();
    return { body: this.body, length: this.body.reduce((sum, { length }) => sum + length, 0) };
  }

  private cut(): void {
    this.body.push(Buffer.from(this.text));
    this.text = '';
  }
}
