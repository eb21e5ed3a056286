import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DatabaseSettings } from '../config/settings.js';
import { ChangeListener } from './change-listener.js';
import { DatabaseAddresses } from './data-source.js';
import { DatabaseConnection } from './database-connection.js';
import { Database } from './database.js';

interface Subscriber {
  /** Called with each payload, which is only a hint to read again: a NOTIFY can be lost. */
  readonly onNotify: (payload: string) => void;
  /** Called after each successful LISTEN: earlier notifications were missed. */
  readonly onListening?: () => void;
}

/** The one connection of this replica that LISTENs, for all parts that react to changes. */
@Injectable()
export class Notifications implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Database');
  private readonly subscribers = new Map<string, Subscriber[]>();
  private listener: ChangeListener | null = null;
  /** `null` until it is known. */
  private isListening: boolean | null = null;
  private isDeaf = false;

  constructor(
    private readonly connection: DatabaseConnection,
    private readonly database: Database,
    private readonly addresses: DatabaseAddresses,
    private readonly settings: DatabaseSettings,
  ) {}

  /** Whether changes made on other replicas are seen at once. */
  get areComing(): boolean {
    return this.isListening === true && !this.isDeaf;
  }

  /** Called before the application is up. Payloads of other schemas never arrive. */
  subscribe(channel: string, subscriber: Subscriber): void {
    this.subscribers.set(channel, [...(this.subscribers.get(channel) ?? []), subscriber]);
  }

  onApplicationBootstrap(): void {
    const prefix = `${this.settings.schema} `;
    this.listener = new ChangeListener({
      address: this.addresses.direct,
      channels: [...this.subscribers.keys()],
      onNotify: (payload, channel) => {
        if (!payload.startsWith(prefix)) return;
        for (const { onNotify } of this.subscribers.get(channel) ?? [])
          onNotify(payload.slice(prefix.length));
      },
      onListening: () => {
        if (this.isListening === false) this.logger.log('listening for changes again');
        this.isListening = true;
        this.isDeaf = false;
        for (const { onListening } of [...this.subscribers.values()].flat()) onListening?.();
      },
      onLost: (error) => {
        // Logged once, not at every attempt: where LISTEN is impossible it stays so.
        if (this.isListening !== false)
          this.logger.warn(`not listening for changes, polling continues: ${error.message}`);
        this.isListening = false;
      },
      notify: (channel, payload) => this.database.query('SELECT pg_notify($1, $2)', [channel, payload]),
      onDeaf: () => {
        this.isDeaf = true;
        this.logger.warn(
          'LISTEN receives nothing, as behind a pooler in transaction mode; polling continues. ' +
            'Set DATABASE_DIRECT_URL to the server itself to see changes within a moment',
        );
      },
    });
    this.connection.onConnected(() => this.listener?.start());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.listener?.stop();
  }
}
