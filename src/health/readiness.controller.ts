import { Controller, Get, HttpCode, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Readiness } from './readiness.js';

/** For external health checks: no keys, no model calls, no database queries. */
@Controller()
export class ReadinessController {
  constructor(private readonly readiness: Readiness) {}

  /** The process runs. */
  @Get('livez')
  @HttpCode(200)
  livez() {
    return { status: 'ok' };
  }

  /** Ready for traffic: 503 until the registry is first loaded and all replicas know of this one, while StartCheck holds it back, and while draining. */
  @Get('readyz')
  readyz(@Res({ passthrough: true }) reply: FastifyReply) {
    const page = this.readiness.page();
    reply.code(page.status === 'ready' ? 200 : 503);
    return page;
  }

  /** A summary for people. */
  @Get('health')
  health() {
    return this.readiness.summary();
  }
}
