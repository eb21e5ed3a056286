import { Body, Controller, HttpCode, NotFoundException, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AccessSettings } from '../config/settings.js';

/** A worker to try things with when nothing else runs: answers what it was asked. In protected mode only. */
@Controller()
export class EchoController {
  constructor(private readonly access: AccessSettings) {}

  @Post('echo')
  @HttpCode(200)
  echo(@Body() body: unknown, @Req() request: FastifyRequest): object {
    if (!this.access.protectedMode) throw new NotFoundException(`Cannot POST ${request.url}`);
    const input = typeof body === 'object' && body !== null && 'input' in body ? body.input : body;
    return { output: `You said: ${typeof input === 'string' ? input : JSON.stringify(input)}` };
  }
}
