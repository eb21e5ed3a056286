import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DatabaseSettings } from '../config/settings.js';
import { DatabaseAddresses, dataSourceOptions } from './data-source.js';
import { Database } from './database.js';
import { DatabaseConnection } from './database-connection.js';
import { LockReporter } from './lock-reporter.js';
import { Notifications } from './notifications.js';
import { ReplicaIdentity } from './replica-identity.js';

@Global()
@Module({})
export class DatabaseModule {
  static at({ pooled, direct }: DatabaseAddresses, identity = new ReplicaIdentity()): DynamicModule {
    const addresses: DatabaseAddresses = {
      pooled: { ...pooled, replicaId: identity.id },
      direct: { ...direct, replicaId: identity.id },
    };
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          inject: [DatabaseSettings],
          useFactory: (settings: DatabaseSettings) => ({
            ...dataSourceOptions(addresses.pooled, settings.schema, settings.poolSize),
            // DatabaseConnection connects, and keeps trying while the server is unavailable.
            manualInitialization: true,
          }),
        }),
      ],
      providers: [
        { provide: DatabaseAddresses, useValue: addresses },
        Database,
        DatabaseConnection,
        LockReporter,
        Notifications,
        { provide: ReplicaIdentity, useValue: identity },
      ],
      exports: [
        Database,
        DatabaseAddresses,
        DatabaseConnection,
        LockReporter,
        Notifications,
        ReplicaIdentity,
      ],
    };
  }
}
