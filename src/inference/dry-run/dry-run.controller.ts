import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ClientDisconnect } from '../client/client-disconnect.js';
import { DryRunAnswerDto, DryRunDto } from './dry-run.dto.js';
import { DryRunService } from './dry-run.service.js';

@Controller('api/v1/workers')
export class DryRunController {
  constructor(private readonly dryRuns: DryRunService) {}

  /** Tries a registration out: shows the request it makes, sends it if asked to, and shows what came. Stores nothing. */
  @Post('dry-run')
  @HttpCode(200)
  run(
    @Body() dto: DryRunDto,
    @Req() { id }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DryRunAnswerDto> {
    return this.dryRuns.run(dto, id, new ClientDisconnect(reply.raw));
  }
}
