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
import { etagOf, readIfMatch } from '../../input/if-match.js';
import { API_ACTOR } from '../worker-writer.js';
import { RegisterWorkerDto } from '../register-worker.dto.js';
import { RegistrationService } from '../registration/registration.service.js';
import type { WorkerEntity } from '../worker.entity.js';
import { ListWorkersQueryDto } from '../list-workers-query.dto.js';
import { PatchWorkerDto } from '../register-worker.dto.js';
import { WorkerDto, WorkerPageDto } from '../worker-answers.dto.js';
import { WorkerDetails } from './worker-details.js';
import { WorkerQueries } from '../worker-queries.js';
import { WorkerLists } from './worker-lists.js';
import { WorkerManagement } from './worker-management.js';

/** Workers, for those who run them. */
@Controller('api/v1/workers')
export class WorkersController {
  constructor(
    private readonly lists: WorkerLists,
    private readonly directory: WorkerQueries,
    private readonly registration: RegistrationService,
    private readonly management: WorkerManagement,
    private readonly details: WorkerDetails,
  ) {}

  /** Workers in any state, offline ones too, page by page. */
  @Get()
  list(@Query() query: ListWorkersQueryDto): Promise<WorkerPageDto> {
    return this.lists.workers(query);
  }

  /** Registers a worker. One with the same model_name, req_url_template and name that is not offline is a 409. */
  @Post()
  async register(
    @Body() dto: RegisterWorkerDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkerDto> {
    return this.made(await this.registration.register(dto, API_ACTOR), reply);
  }

  /**
   * Makes the worker of this model_name, req_url_template and name be what is sent: 201 where it is new, else 200, with a
   * higher generation if anything changed. Credentials that are left out stay. It is enabled afterwards; a disabled one is a 409.
   */
  @Put()
  async apply(
    @Body() dto: RegisterWorkerDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkerDto> {
    const { isNew, row } = await this.management.apply(dto);
    return isNew ? this.made(row, reply.code(201)) : this.shown(row, reply);
  }

  /** A worker with its definition. Credentials are shown as "<sealed>". */
  @Get(':id')
  async read(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<WorkerDto> {
    return this.shown(await this.directory.get(id), reply);
  }

  /** A JSON merge patch [RFC 7396] on the definition; with If-Match, a 412 if it changed since it was read. */
  @Patch(':id')
  @ApiBody({ type: PatchWorkerDto })
  async patch(
    @Param('id') id: string,
    @Body() patch: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Headers('if-match') ifMatch?: string,
  ): Promise<WorkerDto> {
    return this.shown(await this.management.patch(id, patch, readIfMatch(ifMatch)), reply);
  }

  /** Forgets the worker for good; its events stay for a while. */
  @Delete(':id')
  @HttpCode(204)
  async forget(@Param('id') id: string, @Headers('if-match') ifMatch?: string): Promise<void> {
    await this.management.forget(id, readIfMatch(ifMatch));
  }

  private made(row: WorkerEntity, reply: FastifyReply): WorkerDto {
    return this.shown(row, reply.header('location', `/api/v1/workers/${row.id}`));
  }

  private shown(row: WorkerEntity, reply: FastifyReply): WorkerDto {
    reply.header('etag', etagOf(row.generation));
    return this.details.of(row);
  }
}
