import { Controller, Delete, Get, HttpCode, Query } from '@nestjs/common';
import { AccessSettings } from '../../config/settings.js';
import { VERSION } from '../../config/version.js';
import { type Caller, CurrentCaller } from '../caller.js';
import { KeySync } from '../keys/key-sync.js';
import { KeyTable } from '../keys/key-table.js';
import { EndSessionsQueryDto, FEATURES, type SessionDto } from './session.dto.js';
import { Sessions } from './sessions.js';

@Controller('api/v1')
export class SessionController {
  constructor(
    private readonly settings: AccessSettings,
    private readonly sessions: Sessions,
    private readonly table: KeyTable,
    private readonly sync: KeySync,
  ) {}

  /** The name and role of the caller, by its session, key or proxy. Its 401 lists the ways to sign in. */
  @Get('session')
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

  /** Ends the sessions of browsers that began before, on every replica: of one user, or all. Their users can sign in again. */
  @Delete('sessions')
  @HttpCode(204)
  async end(
    @Query() { user = '' }: EndSessionsQueryDto,
    @CurrentCaller() { name, via }: Caller,
  ): Promise<void> {
    await this.table.endSessions(user, { name, via });
    // Other replicas hear of it by NOTIFY; so does this one, should the read fail.
    await this.sync.reload([]).catch(() => {});
  }
}
