import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ReplicaSettings } from '../config/settings.js';
import { CredentialVault } from '../credentials/credential-cipher.js';
import { DatabaseConnection } from '../database/database-connection.js';
import { ClearHeaderSealer } from '../registry/live/clear-header-sealer.js';
import { PeriodicTask } from './periodic-task.js';
import { ReplicaTable } from './replica-table.js';
import { Replicas } from './replicas.js';

const MOST_AT_ONCE = 500;

/**
 * Seals credentials anew that are sealed under a former key, so that the key can be taken out of CREDENTIALS_KEYS. Only when all
 * live replicas have the same keys.
 */
@Injectable()
export class KeyRotation implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Replicas');
  private readonly rounds = new PeriodicTask(() => this.round());

  constructor(
    private readonly replicas: Replicas,
    private readonly table: ReplicaTable,
    private readonly sealer: ClearHeaderSealer,
    private readonly vault: CredentialVault,
    private readonly connection: DatabaseConnection,
    private readonly settings: ReplicaSettings,
  ) {}

  onApplicationBootstrap(): void {
    if (this.vault.keyIds.length > 1)
      this.connection.onConnected(() => this.rounds.runWithin(this.settings.sealAnewMs));
  }

  onApplicationShutdown(): Promise<void> {
    return this.rounds.stop();
  }

  private async round(): Promise<number> {
    const [first, ...former] = this.vault.keyIds;
    try {
      const { fingerprint } = this.vault;
      const ids = await this.table.sealedUnder(former, this.replicas.id, fingerprint, MOST_AT_ONCE);
      const count = await this.sealer.sealAnew(ids);
      if (count > 0)
        this.logger.log(`sealed the credentials of ${count} worker(s) anew under the key "${first}"`);
      return count === MOST_AT_ONCE ? 0 : this.settings.sealAnewMs;
    } catch (error) {
      this.logger.debug(`credentials under former keys not looked for: ${String(error)}`);
      return this.settings.sealAnewMs;
    }
  }
}
