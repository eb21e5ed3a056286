import { Controller, Get, HttpCode, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Readiness } from './readiness.js';

/** For probes of others: no keys, no model calls, nothing from the database. */
@Controller()
export class ReadinessController {
  constructor(private readonly readiness: Readiness) {}

  /** The process runs. */
  @Get('livez')
  @HttpCode(200)
  livez() {
    return { status: 'ok' };
  }

  /** Traffic may come: 503 until the registry was first loaded, and while draining. */
  @Get('readyz')
  readyz(@Res({ passthrough: true }) reply: FastifyReply) {
    const state = this.readiness.state();
    reply.code(state === 'ready' ? 200 : 503);
    return { status: state };
  }

  /** A summary for people. */
  @Get('health')
  health() {
    return this.readiness.summary();
  }
}
