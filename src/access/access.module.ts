import { Module } from '@nestjs/common';
import { AdmissionCheck } from './admission-check.js';
import { KeySync } from './keys/key-sync.js';
import { KeyTable } from './keys/key-table.js';
import { KeysController, MeController, TeamsController } from './keys/keys.controller.js';
import { Keys } from './keys/keys.service.js';
import { LimitExchange } from './limits/limit-exchange.js';
import { LimitTable } from './limits/limit-table.js';
import { Limiter } from './limits/limiter.js';
import { LiveKeys } from './keys/live-keys.js';
import { ProxySignIn } from './sign-in/proxy-sign-in.js';
import { TokenSignIn } from './sign-in/token-sign-in.js';

/** Who may do what, and how much: keys, roles, teams, limits. */
@Module({
  controllers: [KeysController, TeamsController, MeController],
  providers: [
    AdmissionCheck,
    Keys,
    KeySync,
    KeyTable,
    LimitExchange,
    Limiter,
    LimitTable,
    LiveKeys,
    ProxySignIn,
    TokenSignIn,
  ],
  exports: [AdmissionCheck, KeySync, Limiter, LiveKeys],
})
export class AccessModule {}
