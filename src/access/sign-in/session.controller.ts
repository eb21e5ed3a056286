import { Controller, Get } from '@nestjs/common';
import { AccessSettings } from '../../config/settings.js';
import { VERSION } from '../../config/version.js';
import { type Caller, CurrentCaller } from '../caller.js';
import { FEATURES, type SessionDto } from './session.dto.js';
import { Sessions } from './sessions.js';

@Controller('api/v1/session')
export class SessionController {
  constructor(
    private readonly settings: AccessSettings,
    private readonly sessions: Sessions,
  ) {}

  /** The name and role of the caller, by its session, key or proxy. Its 401 lists the ways to sign in. */
  @Get()
  read(@CurrentCaller() { name, role }: Caller): SessionDto {
    return {
      version: VERSION,
      protected_mode: this.settings.protectedMode,
      actor: name,
      role,
      features: [...FEATURES],
      sign_in: this.sessions.ways,
    };
  }
}
