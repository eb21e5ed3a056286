import { Body, Controller, HttpCode, NotFoundException, Post } from '@nestjs/common';
import { ApiExcludeEndpoint } from '@nestjs/swagger';
import { AccessSettings } from '../../../config/settings.js';

/** A worker for first tries: returns its input. Only in protected mode. */
@Controller()
export class EchoController {
  constructor(private readonly access: AccessSettings) {}

  @Post('echo')
  @ApiExcludeEndpoint()
  @HttpCode(200)
  echo(@Body() body: unknown): object {
    if (!this.access.protectedMode) throw new NotFoundException();
    const input = typeof body === 'object' && body !== null && 'input' in body ? body.input : body;
    return { output: `You said: ${typeof input === 'string' ? input : JSON.stringify(input)}` };
  }
}
