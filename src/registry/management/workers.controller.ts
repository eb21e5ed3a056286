import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Res,
} from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type Caller, CurrentCaller } from '../../access/caller.js';
import { checkOwns } from '../../access/worker-rights.js';
import { etagOf, readIfMatch } from '../../input/if-match.js';
import { listOf } from '../../input/page.dto.js';
import { WorkerFigures } from '../figures/worker-figures.js';
import { ListWorkersQueryDto } from '../list-workers-query.dto.js';
import { PatchWorkerDto, RegisterWorkerDto } from '../register-worker.dto.js';
import { RegistrationService } from '../registration/registration.service.js';
import { WholeWorkerDto, WorkerDto, WorkerPageDto } from '../worker-answers.dto.js';
import { WorkerQueries } from '../worker-queries.js';
import { WorkerViews } from '../worker-view.js';
import type { WorkerEntity } from '../worker.entity.js';
import { WorkerManagement } from './worker-management.js';

/** Workers, for operators. */
@Controller('api/v1/workers')
export class WorkersController {
  constructor(
    private readonly queries: WorkerQueries,
    private readonly registration: RegistrationService,
    private readonly management: WorkerManagement,
    private readonly views: WorkerViews,
    private readonly figures: WorkerFigures,
  ) {}

  /** Workers in any state, offline ones too, page by page. */
  @Get()
  async list(@Query() query: ListWorkersQueryDto, @CurrentCaller() caller: Caller): Promise<WorkerPageDto> {
    const { data: rows, next_cursor } = await this.queries.page(query, caller);
    if (!listOf(query.include).includes('figures'))
      return { data: rows.map((row) => this.views.summary(row)), next_cursor };
    const figuresOf = await this.figures.of(rows);
    return {
      data: rows.map((row) => ({ ...this.views.summary(row), figures: figuresOf(row) })),
      next_cursor,
    };
  }

  /** Registers a worker. A worker with the same model_name, req_url_template and name that is not offline is a 409. */
  @Post()
  @ApiBody({ type: RegisterWorkerDto })
  async register(
    @Body() sent: unknown,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkerDto> {
    return this.made(await this.registration.register(sent, caller), reply);
  }

  /**
   * Makes the worker with this model_name, req_url_template and name equal to the body: 201 if it is new, else 200, with a
   * higher generation if anything changed. Credentials that are left out stay. It is enabled afterwards; a disabled worker is a 409.
   */
  @Put()
  @ApiBody({ type: RegisterWorkerDto })
  async apply(
    @Body() sent: unknown,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkerDto> {
    const { isNew, row } = await this.management.apply(sent, caller);
    return isNew ? this.made(row, reply.code(201)) : this.shown(row, reply);
  }

  /** A worker with its definition, its probes and how each replica sees it. Credentials are shown as "<sealed>". */
  @Get(':id')
  async read(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WholeWorkerDto> {
    const row = await this.queries.get(id);
    checkOwns(caller, row);
    const [figuresOf, probe, replicas] = await Promise.all([
      this.figures.of([row]),
      this.figures.probe(id),
      this.figures.replicas(row),
    ]);
    reply.header('etag', etagOf(row.generation));
    return { ...this.views.detail(row), figures: figuresOf(row), probe, replicas };
  }

  /** A JSON merge patch [RFC 7396] on the definition. With If-Match, a 412 if the generation is another one by now. */
  @Patch(':id')
  @ApiBody({ type: PatchWorkerDto })
  async patch(
    @Param('id') id: string,
    @Body() patch: unknown,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Headers('if-match') ifMatch?: string,
  ): Promise<WorkerDto> {
    return this.shown(await this.management.patch(id, patch, readIfMatch(ifMatch), caller), reply);
  }

  /** Deletes the worker; its events stay until EVENT_RETENTION_DAYS. */
  @Delete(':id')
  @HttpCode(204)
  async delete(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Headers('if-match') ifMatch?: string,
  ): Promise<void> {
    await this.management.delete(id, readIfMatch(ifMatch), caller);
  }

  private made(row: WorkerEntity, reply: FastifyReply): WorkerDto {
    return this.shown(row, reply.header('location', `/api/v1/workers/${row.id}`));
  }

  private shown(row: WorkerEntity, reply: FastifyReply): WorkerDto {
    reply.header('etag', etagOf(row.generation));
    return this.views.detail(row);
  }
}
