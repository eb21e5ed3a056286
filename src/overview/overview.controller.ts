import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiProduces } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OverviewReport } from './overview-report.js';
import { OverviewDto } from './overview.dto.js';
import { ChangeStreams } from './change-streams.js';

/** What goes on in all replicas. */
@Controller('api/v1')
export class OverviewController {
  constructor(
    private readonly streams: ChangeStreams,
    private readonly report: OverviewReport,
  ) {}

  /** Workers by state, and what all replicas did in the last minute and hour. */
  @Get('overview')
  overview(): Promise<OverviewDto> {
    return this.report.read();
  }

  /**
   * What changes, as server-sent events: `worker`, `model`, `key`, `team` and `job`, each with `{id, model_name, generation}`, to be
   * read again by the API, and `overview` every 2 s. `id` null means all of the kind. After a gap, a client reads all again.
   */
  @Get('changes')
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ schema: { type: 'string' } })
  changes(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    this.streams.open(request, reply);
  }
}
