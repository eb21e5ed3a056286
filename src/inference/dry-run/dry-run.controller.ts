import { Body, Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ClientDisconnect } from '../client/client-disconnect.js';
import { DryRunAnswerDto, DryRunDto, StoredDryRunDto } from './dry-run.dto.js';
import { DryRunService } from './dry-run.service.js';

@Controller('api/v1/workers')
export class DryRunController {
  constructor(private readonly dryRuns: DryRunService) {}

  /** Tries a registration: shows its request and, with `call`, the response of the worker. Stores nothing. */
  @Post('dry-run')
  @HttpCode(200)
  run(
    @Body() dto: DryRunDto,
    @Req() { id }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DryRunAnswerDto> {
    return this.dryRuns.run(dto, id, new ClientDisconnect(reply.raw));
  }

  /** Tries a worker with its stored credentials, as it is or with changes. Stores nothing, and counts for nothing. */
  @Post(':id/dry-run')
  @HttpCode(200)
  runStored(
    @Param('id') worker: string,
    @Body() dto: StoredDryRunDto,
    @Req() { id }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DryRunAnswerDto> {
    return this.dryRuns.runStored(worker, dto, id, new ClientDisconnect(reply.raw));
  }
}
