import { Body, Controller, HttpCode, NotFoundException, Post } from '@nestjs/common';
import { AccessSettings } from '../../../config/settings.js';

/** A worker to try things with when nothing else runs: answers what it was asked. In protected mode only. */
@Controller()
export class EchoController {
  constructor(private readonly access: AccessSettings) {}

  @Post('echo')
  @HttpCode(200)
  echo(@Body() body: unknown): object {
    if (!this.access.protectedMode) throw new NotFoundException();
    const input = typeof body === 'object' && body !== null && 'input' in body ? body.input : body;
    return { output: `You said: ${typeof input === 'string' ? input : JSON.stringify(input)}` };
  }
}
