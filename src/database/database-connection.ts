import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { DatabaseSettings } from '../config/settings.js';
import { DatabaseAddresses } from './data-source.js';
import { LockReporter } from './lock-reporter.js';
import { migrate } from './migrate.js';
import { readMigrations } from './migration-files.js';
import { pendingMigrations, readMigrationTable } from './migration-table.js';

const RETRY_BASE_MS = 250;
const RETRY_MAX_MS = 10_000;

/**
 * Connects once the application is up, and keeps trying while the server is unavailable: until then the service is live
 * (`/livez`) but not ready (`/readyz`).
 */
@Injectable()
export class DatabaseConnection implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Database');
  private readonly stopping = new AbortController();
  private readonly whenConnected: (() => void)[] = [];
  private connecting: Promise<void> | null = null;

  constructor(
    private readonly source: DataSource,
    private readonly addresses: DatabaseAddresses,
    private readonly settings: DatabaseSettings,
    private readonly locks: LockReporter,
  ) {}

  /** Calls `use` once the database is connected and migrated, or at once if it already is. */
  onConnected(use: () => void): void {
    if (this.source.isInitialized) use();
    else this.whenConnected.push(use);
  }

  onApplicationBootstrap(): void {
    this.connecting ??= this.connect();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.connecting;
  }

  private async connect(): Promise<void> {
    for (let failures = 0; !this.stopping.signal.aborted; failures++) {
      try {
        await this.tryOnce();
        this.logger.log('connected');
        for (const use of this.whenConnected.splice(0)) use();
        return;
      } catch (error) {
        const delayMs = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** failures) * (0.75 + Math.random() / 2);
        this.logger.warn(
          `not available yet, trying again in ${Math.round(delayMs)} ms: ${error instanceof Error ? describe(error) : String(error)}`,
        );
        await sleep(delayMs, undefined, { signal: this.stopping.signal }).catch(() => {});
      }
    }
  }

  private async tryOnce(): Promise<void> {
    const { migrateOnStart, schema } = this.settings;
    if (migrateOnStart) {
      await migrate(this.addresses.direct, schema, {
        stop: this.stopping.signal,
        warn: (line) => this.logger.warn(line),
        ran: (name, ms) => this.logger.log(`migrated: ${name} in ${Math.round(ms)} ms`),
      });
    }
    await this.source.initialize();
    if (!migrateOnStart) await this.expectMigrated(schema);
  }

  private async expectMigrated(schema: string): Promise<void> {
    const { recorded } = await this.locks.during('the schema is not checked', () =>
      readMigrationTable((sql, values) => this.source.query(sql, [...(values ?? [])]), schema),
    );
    const pending = pendingMigrations(readMigrations(), recorded);
    if (pending.length === 0) return;
    await this.source.destroy();
    const names = pending.map(({ name }) => name).join(', ');
    throw new Error(
      `the schema is not up to date (pending: ${names}): run \`npm run migration:run\`, or set MIGRATE_ON_START=true`,
    );
  }
}

/** The `AggregateError` of a refused connection has no message of its own. */
function describe(error: Error): string {
  // PgBouncer's message.
  if (error.message.includes('unsupported startup parameter'))
    return `${error.message}; migrations need a direct connection: set DATABASE_DIRECT_URL to an address that bypasses the connection pooler`;
  return error instanceof AggregateError && error.message === ''
    ? error.errors.map((e) => String(e)).join('; ')
    : error.message;
}
