import { Module } from '@nestjs/common';
import { AdmissionCheck } from './admission-check.js';
import { KeySync } from './keys/key-sync.js';
import { KeyTable } from './keys/key-table.js';
import { KeysController, MeController, TeamsController } from './keys/keys.controller.js';
import { Keys } from './keys/keys.service.js';
import { LiveKeys } from './keys/live-keys.js';
import { ProxySignIn } from './sign-in/proxy-sign-in.js';

/** Who may do what: keys, roles, teams. */
@Module({
  controllers: [KeysController, TeamsController, MeController],
  providers: [AdmissionCheck, Keys, KeySync, KeyTable, LiveKeys, ProxySignIn],
  exports: [AdmissionCheck, KeySync, LiveKeys],
})
export class AccessModule {}
