import { Controller, HttpCode, NotFoundException, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { ExplanationDto } from './explain.dto.js';
import { ExplainService } from './explain.service.js';

/** Names of models may contain `/`, and a route can end in a wildcard only. */
const EXPLAIN = /^(.+)\/explain$/s;

@Controller('api/v1/models')
export class ExplainController {
  constructor(private readonly explanations: ExplainService) {}

  /**
   * Shows where this replica would send a call of the model, and why not to its other workers. Body and headers are those of
   * `POST /api/v1/chat/completions`; the model may be left out of the body.
   */
  @Post('*')
  @HttpCode(200)
  explain(@Param('*') path: string, @Req() http: FastifyRequest): Promise<ExplanationDto> {
    const model = EXPLAIN.exec(path)?.[1];
    if (model === undefined) throw new NotFoundException();
    return this.explanations.explain(model, http);
  }
}
