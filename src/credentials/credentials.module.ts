import { Module } from '@nestjs/common';
import { CredentialsSettings } from '../config/settings.js';
import { CredentialCipher, CredentialVault } from './credential-cipher.js';
import { loadOrCreateKey } from './data-dir-key.js';
import { WorkerSecrets } from './worker-secrets.js';

@Module({
  providers: [
    {
      provide: CredentialVault,
      inject: [CredentialsSettings],
      useFactory: async ({ keys, makeKey, keysDir }: CredentialsSettings) => {
        const spec = keys ?? (makeKey ? await loadOrCreateKey(keysDir) : null);
        return new CredentialVault(spec === null ? null : CredentialCipher.fromSpec(spec));
      },
    },
    {
      provide: WorkerSecrets,
      inject: [CredentialsSettings],
      useFactory: ({ workerSecrets, secretsDir, secretOrigins }: CredentialsSettings) =>
        new WorkerSecrets(workerSecrets, secretsDir, secretOrigins),
    },
  ],
  exports: [CredentialVault, WorkerSecrets],
})
export class CredentialsModule {}
