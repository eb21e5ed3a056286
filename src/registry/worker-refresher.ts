import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { RegistrySettings, DatabaseSettings } from '../config/settings.js';
import { ChangeListener } from '../database/change-listener.js';
import { DatabaseAddresses } from '../database/database-addresses.js';
import { DatabaseConnection } from '../database/database-connection.js';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import { LiveWorkers } from './live-workers.js';
import { ModelPolicies } from './models/model-policies.js';
import { WorkerCompiler } from './worker-compiler.js';
import { WorkerRepository } from './worker.repository.js';

/** Notifications that come together are answered with one look. */
const GATHER_MS = 50;

/**
 * Keeps LiveWorkers and ModelPolicies true. The resync is the truth, a NOTIFY a hint to look earlier, and a change made on this replica
 * is seen here before its caller gets an answer (`reload`).
 */
@Injectable()
export class WorkerRefresher implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Registry');
  private readonly listener: ChangeListener;
  private readonly hinted = new Set<string>();
  private gathering: NodeJS.Timeout | null = null;
  private resyncing: NodeJS.Timeout | null = null;
  /** Looks follow one another, so that an older one never overwrites a newer. */
  private looking: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly repository: WorkerRepository,
    private readonly compiler: WorkerCompiler,
    private readonly live: LiveWorkers,
    private readonly models: ModelPolicies,
    private readonly connection: DatabaseConnection,
    private readonly settings: RegistrySettings,
    addresses: DatabaseAddresses,
    { schema }: DatabaseSettings,
  ) {
    const mine = `${schema} `;
    this.listener = new ChangeListener({
      address: addresses.direct,
      channels: ['worker_changed', 'model_changed'],
      onNotify: (payload, channel) => {
        if (!payload.startsWith(mine)) return;
        if (channel === 'model_changed') this.reloadModels().catch(() => {});
        else this.hint(payload.slice(mine.length));
      },
      onListening: () => void this.resync(),
      onLost: (error) => this.logger.warn(`not listening for changes, polling goes on: ${error.message}`),
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

  /** Looks at the whole table, loading only what changed, and once more after `resyncMs`. */
  private async resync(): Promise<void> {
    if (this.resyncing !== null) clearTimeout(this.resyncing);
    this.resyncing = null;
    await this.inTurn(() => this.lookAtAll()).catch((error: unknown) => {
      if (!(error instanceof DatabaseUnavailableError)) this.logger.error(error);
    });
    if (this.stopped || this.resyncing !== null) return;
    this.resyncing = setTimeout(() => void this.resync(), this.settings.resyncMs).unref();
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
      // A look that fails is made up for by the next resync.
      this.reload(ids).catch(() => {});
    }, GATHER_MS);
  }

  private inTurn(look: () => Promise<void>): Promise<void> {
    const mine = this.looking.then(look);
    this.looking = mine.catch(() => {});
    return mine;
  }
}
