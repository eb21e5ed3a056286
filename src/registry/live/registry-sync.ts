import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { RegistrySettings } from '../../config/settings.js';
import { DatabaseConnection } from '../../database/database-connection.js';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { Notifications } from '../../database/notifications.js';
import { type CompiledRow, WorkerCompiler } from '../calls/worker-compiler.js';
import { ModelPolicies } from '../models/model-policies.js';
import { WorkerQueries } from '../worker-queries.js';
import { ClearHeaderSealer } from './clear-header-sealer.js';
import { LiveWorkers } from './live-workers.js';

/** Notifications that arrive within this time cause one read. */
const GATHER_MS = 50;
/** Pause after a read that found no database, ± half: replicas see its return soon, but not all in one moment. */
const RETRY_MS = 1_000;

/**
 * Keeps LiveWorkers and ModelPolicies equal to their tables. The periodic resync decides and needs no LISTEN; a NOTIFY is
 * a hint to read earlier; a change made on this replica is read before its client gets an answer.
 */
@Injectable()
export class RegistrySync implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Registry');
  private readonly hinted = new Set<string>();
  private gathering: NodeJS.Timeout | null = null;
  private resyncing: NodeJS.Timeout | null = null;
  /** Reads follow one another, so that an older one never overwrites a newer one. */
  private reading: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly queries: WorkerQueries,
    private readonly compiler: WorkerCompiler,
    private readonly live: LiveWorkers,
    private readonly models: ModelPolicies,
    private readonly sealer: ClearHeaderSealer,
    private readonly connection: DatabaseConnection,
    private readonly settings: RegistrySettings,
    notifications: Notifications,
  ) {
    notifications.subscribe('worker_changed', {
      onNotify: (id) => this.hint(id),
      onListening: () => void this.resync(),
    });
    notifications.subscribe('model_changed', {
      onNotify: () => {
        this.reloadModels().catch(() => this.resync());
      },
    });
  }

  onApplicationBootstrap(): void {
    this.connection.onConnected(() => void this.resync());
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    if (this.gathering !== null) clearTimeout(this.gathering);
    if (this.resyncing !== null) clearTimeout(this.resyncing);
    await this.reading;
  }

  /**
   * Reads these workers again; resolves when the snapshot shows them.
   * @param compiled what the writer of a row compiled already @throws DatabaseUnavailableError
   */
  reload(ids: readonly string[], compiled?: CompiledRow): Promise<void> {
    return this.inTurn(async () => {
      const rows = await this.queries.findLive(ids);
      this.sealer.sealIn(rows);
      this.live.replace(
        ids,
        rows.map((row) => this.compiler.compile(row, compiled)),
      );
    });
  }

  /**
   * Lets a client call what it just registered: the committed change is in the snapshot before the client is answered. A
   * database that is away now does not undo the commit; the next resync shows the change.
   */
  async readYourWrites(ids: readonly string[], compiled?: CompiledRow): Promise<void> {
    try {
      await this.reload(ids, compiled);
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError)) throw error;
      this.logger.warn('the database went away after a change was committed; the next resync shows it');
    }
  }

  /** Reads the policies again. @throws DatabaseUnavailableError */
  reloadModels(): Promise<void> {
    return this.inTurn(() => this.models.reload());
  }

  /** Reads the versions of the whole table and the rows that changed, and again after `resyncMs`; sooner if that failed. */
  private async resync(): Promise<void> {
    if (this.stopped) return;
    if (this.resyncing !== null) clearTimeout(this.resyncing);
    this.resyncing = null;
    const nextMs = await this.inTurn(() => this.reloadChanged()).then(
      () => this.settings.resyncMs,
      (error: unknown) => {
        if (error instanceof DatabaseUnavailableError)
          return Math.min(this.settings.resyncMs, RETRY_MS * (0.5 + Math.random()));
        this.logger.error(error);
        return this.settings.resyncMs;
      },
    );
    if (this.stopped || this.resyncing !== null) return;
    this.resyncing = setTimeout(() => void this.resync(), nextMs).unref();
  }

  private async reloadChanged(): Promise<void> {
    await this.models.reload();
    const versions = await this.queries.liveVersions();
    const kept = [...versions].flatMap(([id, version]) => {
      const worker = this.live.worker(id);
      return worker?.version === version ? [worker] : [];
    });
    const keptIds = new Set(kept.map((worker) => worker.id));
    const missing = [...versions.keys()].filter((id) => !keptIds.has(id));
    const rows = missing.length === 0 ? [] : await this.queries.findLive(missing);
    this.sealer.sealIn(rows);
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

  private inTurn(read: () => Promise<void>): Promise<void> {
    const turn = this.reading.then(read);
    this.reading = turn.catch(() => {});
    return turn;
  }
}
