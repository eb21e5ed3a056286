import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { RegistrySettings, DatabaseSettings } from '../../config/settings.js';
import { ChangeListener } from '../../database/change-listener.js';
import { Database } from '../../database/database.js';
import { DatabaseAddresses } from '../../database/database-addresses.js';
import { DatabaseConnection } from '../../database/database-connection.js';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { LiveWorkers } from './live-workers.js';
import { ModelPolicies } from '../models/model-policies.js';
import { WorkerCompiler } from '../calls/worker-compiler.js';
import { WorkerWriter } from '../worker-writer.js';

/** Notifications that come together are answered with one look. */
const GATHER_MS = 50;

/** After a look for which there was no database, ± half: a database that is back is soon seen, and not by all replicas at one moment. */
const LOOK_AGAIN_MS = 1_000;

/**
 * Keeps LiveWorkers and ModelPolicies true. The resync is the truth and needs no LISTEN, a NOTIFY is a hint to look
 * earlier, and a change made on this replica is seen here before its caller gets an answer (`reload`).
 */
@Injectable()
export class RegistrySync implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Registry');
  private readonly listener: ChangeListener;
  private readonly hinted = new Set<string>();
  private gathering: NodeJS.Timeout | null = null;
  private resyncing: NodeJS.Timeout | null = null;
  /** Looks follow one another, so that an older one never overwrites a newer. */
  private looking: Promise<void> = Promise.resolve();
  private stopped = false;
  /** `null` until it is known. */
  private isListening: boolean | null = null;

  constructor(
    private readonly repository: WorkerWriter,
    private readonly compiler: WorkerCompiler,
    private readonly live: LiveWorkers,
    private readonly models: ModelPolicies,
    private readonly connection: DatabaseConnection,
    private readonly settings: RegistrySettings,
    database: Database,
    addresses: DatabaseAddresses,
    { schema }: DatabaseSettings,
  ) {
    const mine = `${schema} `;
    this.listener = new ChangeListener({
      address: addresses.direct,
      channels: ['worker_changed', 'model_changed'],
      onNotify: (payload, channel) => {
        if (!payload.startsWith(mine)) return;
        if (channel === 'model_changed') this.reloadModels().catch(() => this.resync());
        else this.hint(payload.slice(mine.length));
      },
      onListening: () => {
        if (this.isListening === false) this.logger.log('listening for changes again');
        this.isListening = true;
        void this.resync();
      },
      onLost: (error) => {
        // Once, not at every try: where LISTEN is impossible it stays so.
        if (this.isListening !== false)
          this.logger.warn(`not listening for changes, polling goes on: ${error.message}`);
        this.isListening = false;
      },
      notify: (channel, payload) => database.query('SELECT pg_notify($1, $2)', [channel, payload]),
      onDeaf: () => {
        const poll = `polling every ${this.settings.resyncMs} ms goes on`;
        this.logger.warn(
          `LISTEN hears nothing, as behind a pooler in transaction mode; ${poll}. ` +
            'Set DATABASE_DIRECT_URL to the server itself to see changes within a moment',
        );
      },
    });
  }

  onApplicationBootstrap(): void {
    this.connection.onConnected(() => {
      this.listener.start();
      void this.resync();
    });
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    if (this.gathering !== null) clearTimeout(this.gathering);
    if (this.resyncing !== null) clearTimeout(this.resyncing);
    await this.listener.stop();
    await this.looking;
  }

  /** Looks at these workers again; resolves when the snapshot shows them. @throws DatabaseUnavailableError */
  reload(ids: readonly string[]): Promise<void> {
    return this.inTurn(async () => {
      const rows = await this.repository.findLive(ids);
      this.live.replace(
        ids,
        rows.map((row) => this.compiler.compile(row)),
      );
    });
  }

  /** Looks at the policies again. @throws DatabaseUnavailableError */
  reloadModels(): Promise<void> {
    return this.inTurn(() => this.models.reload());
  }

  /** Looks at the whole table, loading only what changed, and once more after `resyncMs`; sooner if that failed. */
  private async resync(): Promise<void> {
    if (this.stopped) return;
    if (this.resyncing !== null) clearTimeout(this.resyncing);
    this.resyncing = null;
    const nextMs = await this.inTurn(() => this.lookAtAll()).then(
      () => this.settings.resyncMs,
      (error: unknown) => {
        if (error instanceof DatabaseUnavailableError)
          return Math.min(this.settings.resyncMs, LOOK_AGAIN_MS * (0.5 + Math.random()));
        this.logger.error(error);
        return this.settings.resyncMs;
      },
    );
    if (this.stopped || this.resyncing !== null) return;
    this.resyncing = setTimeout(() => void this.resync(), nextMs).unref();
  }

  private async lookAtAll(): Promise<void> {
    await this.models.reload();
    const versions = await this.repository.liveVersions();
    const kept = [...versions].flatMap(([id, version]) => {
      const worker = this.live.worker(id);
      return worker?.version === version ? [worker] : [];
    });
    const keptIds = new Set(kept.map((worker) => worker.id));
    const missing = [...versions.keys()].filter((id) => !keptIds.has(id));
    const rows = missing.length === 0 ? [] : await this.repository.findLive(missing);
    this.live.replaceAll([...kept, ...rows.map((row) => this.compiler.compile(row))], Date.now());
  }

  private hint(id: string): void {
    this.hinted.add(id);
    this.gathering ??= setTimeout(() => {
      this.gathering = null;
      const ids = [...this.hinted];
      this.hinted.clear();
      this.reload(ids).catch(() => this.resync());
    }, GATHER_MS);
  }

  private inTurn(look: () => Promise<void>): Promise<void> {
    const mine = this.looking.then(look);
    this.looking = mine.catch(() => {});
    return mine;
  }
}

/** What was committed here is seen here before its caller has his answer, so that he can call what he registered. */
@Injectable()
export class OwnWrites {
  private readonly logger = new Logger('Registry');

  constructor(private readonly refresher: RegistrySync) {}

  /** Never fails for want of a database: the change is committed, and the next resync shows it. */
  async readYourWrites(ids: readonly string[]): Promise<void> {
    try {
      await this.refresher.reload(ids);
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError)) throw error;
      this.logger.warn('the database left after a change was committed; it is seen here when it is back');
    }
  }
}
