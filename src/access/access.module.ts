import { Module } from '@nestjs/common';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { AdmissionCheck } from './admission-check.js';
import { KeySync } from './keys/key-sync.js';
import { KeyTable } from './keys/key-table.js';
import { KeysController, MeController, TeamsController } from './keys/keys.controller.js';
import { Keys } from './keys/keys.service.js';
import { LimitExchange } from './limits/limit-exchange.js';
import { LimitTable } from './limits/limit-table.js';
import { Limiter } from './limits/limiter.js';
import { LiveKeys } from './keys/live-keys.js';
import { OidcSignIn } from './sign-in/oidc-sign-in.js';
import { ProxySignIn } from './sign-in/proxy-sign-in.js';
import { SessionController } from './sign-in/session.controller.js';
import { Sessions } from './sign-in/sessions.js';
import { SignInController } from './sign-in/sign-in.controller.js';
import { TokenSignIn } from './sign-in/token-sign-in.js';

/** Who may do what, and how much: keys, roles, teams, limits. */
@Module({
  imports: [CredentialsModule],
  controllers: [KeysController, TeamsController, MeController, SignInController, SessionController],
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
    Sessions,
    OidcSignIn,
  ],
  exports: [AdmissionCheck, KeySync, Limiter, LiveKeys],
})
export class AccessModule {}
