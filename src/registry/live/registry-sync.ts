import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { RegistrySettings } from '../../config/settings.js';
import { DatabaseConnection } from '../../database/database-connection.js';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { LockReporter } from '../../database/lock-reporter.js';
import { Notifications } from '../../database/notifications.js';
import { TableFollower } from '../../database/table-follower.js';
import { type CompiledRow, WorkerCompiler } from '../calls/worker-compiler.js';
import { ModelPolicies } from '../models/model-policies.js';
import type { Worker } from '../worker.js';
import { WorkerQueries, type WorkerRow } from '../worker-queries.js';
import { ClearHeaderSealer } from './clear-header-sealer.js';
import { LiveWorkers, type WorkerChanges } from './live-workers.js';
import { inSlices } from './slices.js';

/**
 * Keeps LiveWorkers and ModelPolicies equal to their tables. A change made on this replica is read before its client gets an
 * answer.
 */
@Injectable()
export class RegistrySync implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Registry');
  private readonly follower: TableFollower;
  /** Will be read in one query when its turn comes. */
  private next: Batch | null = null;

  constructor(
    private readonly queries: WorkerQueries,
    private readonly compiler: WorkerCompiler,
    private readonly live: LiveWorkers,
    private readonly models: ModelPolicies,
    private readonly sealer: ClearHeaderSealer,
    private readonly connection: DatabaseConnection,
    { resyncMs }: RegistrySettings,
    locks: LockReporter,
    notifications: Notifications,
  ) {
    this.follower = new TableFollower({
      readChanged: () => this.reloadChanged(),
      reload: (ids) => this.reload(ids),
      resyncMs,
      logger: this.logger,
      locks,
      whenLocked: 'the registry is not read',
    });
    notifications.subscribe('worker_changed', {
      onNotify: (id) => this.follower.hint(id),
      onListening: () => void this.follower.resync(),
    });
    notifications.subscribe('model_changed', {
      onNotify: () => {
        this.reloadModels().catch(() => this.follower.resync());
      },
    });
  }

  onApplicationBootstrap(): void {
    this.connection.onConnected(() => void this.follower.resync());
  }

  onApplicationShutdown(): Promise<void> {
    return this.follower.stop();
  }

  /**
   * Reads these workers again; resolves when the snapshot shows them. What is requested while another read runs is read together.
   * @param compiled what the writer of a row compiled already @throws DatabaseUnavailableError
   */
  reload(ids: readonly string[], compiled?: CompiledRow): Promise<void> {
    this.next ??= this.batch();
    for (const id of ids) this.next.ids.add(id);
    if (compiled !== undefined) this.next.compiled.set(compiled.id, compiled);
    return this.next.done;
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
    return this.follower.inTurn(() => this.models.reload());
  }

  private batch(): Batch {
    const ids = new Set<string>();
    const compiled = new Map<string, CompiledRow>();
    const done = this.follower.inTurn(async () => {
      this.next = null;
      const rows = await this.queries.findLive([...ids]);
      await this.follow([...ids], rows, compiled);
    });
    return { ids, compiled, done };
  }

  /** Reads the versions of the whole table, and the rows that changed. */
  private async reloadChanged(): Promise<void> {
    await this.models.reload();
    const versions = await this.queries.liveVersions();
    const gone: string[] = [];
    const changed: string[] = [];
    await inSlices(this.live.workers(), ({ id }) => void (versions.has(id) || gone.push(id)));
    await inSlices(versions, ([id, version]) => {
      if (this.live.worker(id)?.version !== version) changed.push(id);
    });
    const rows = changed.length === 0 ? [] : await this.queries.findLive(changed);
    await this.follow([...gone, ...changed], rows);
    this.live.loaded(Date.now());
  }

  /** The snapshot shows `rows`, and none of `ids` without a row. Many rows let requests through in between. */
  private async follow(
    ids: readonly string[],
    rows: readonly WorkerRow[],
    compiled: ReadonlyMap<string, CompiledRow> = new Map(),
  ): Promise<void> {
    const changes = new Map<string, Worker | null>(ids.map((id) => [id, null]));
    await inSlices(rows, (row) => {
      if (this.live.worker(row.id)?.version === row.version) {
        changes.delete(row.id);
        return;
      }
      this.sealer.sealIn(row);
      changes.set(row.id, this.compiler.compile(row, compiled.get(row.id)));
    });
    // The workers of a model together: a statement that enables some and disables others leaves no moment without any.
    await inSlices(this.byModel(changes).values(), (ofModel) => this.live.apply(ofModel));
  }

  private byModel(changes: WorkerChanges): ReadonlyMap<string, WorkerChanges> {
    const models = new Map<string, Map<string, Worker | null>>();
    for (const [id, worker] of changes) {
      const name = (worker ?? this.live.worker(id))?.modelName;
      if (name === undefined) continue;
      const ofModel = models.get(name);
      if (ofModel === undefined) models.set(name, new Map([[id, worker]]));
      else ofModel.set(id, worker);
    }
    return models;
  }
}

/** Workers that are read together. */
interface Batch {
  readonly ids: Set<string>;
  readonly compiled: Map<string, CompiledRow>;
  readonly done: Promise<void>;
}
