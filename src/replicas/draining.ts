import { Injectable, Logger } from '@nestjs/common';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { WorkerActivity } from '../registry/live/worker-activity.js';
import { RegistrySync } from '../registry/live/registry-sync.js';
import type { Worker } from '../registry/worker.js';
import { type Drained, ReplicaTable } from './replica-table.js';

export interface DrainReport {
  readonly drained: Drained;
  /** It differs from the last report. */
  readonly isNews: boolean;
}

/** A draining worker goes offline once every live replica has reported that it has no request left on it. */
@Injectable()
export class Draining {
  private readonly logger = new Logger('Replicas');
  private readonly listeners: (() => void)[] = [];
  private readonly workers = new Map<string, Worker>();
  private last: Drained = {};

  constructor(
    private readonly live: LiveWorkers,
    private readonly activity: WorkerActivity,
    private readonly table: ReplicaTable,
    private readonly sync: RegistrySync,
  ) {
    live.onChange(({ workerIds }) => this.followRegistry(workerIds));
  }

  get isAny(): boolean {
    return this.workers.size > 0;
  }

  /** Calls `listener` when a worker begins to drain. */
  onNews(listener: () => void): void {
    this.listeners.push(listener);
  }

  report(): DrainReport {
    const drained = drainedHere([...this.workers.values()], (id) => this.activity.of(id).inFlight);
    return { drained, isNews: !isSame(drained, this.last) };
  }

  reported(drained: Drained): void {
    this.last = drained;
  }

  /** Takes drained workers offline; any replica may do it. @throws DatabaseUnavailableError */
  async finish(): Promise<void> {
    if (!this.isAny) return;
    const gone = await this.table.takeDrainedOffline([...this.workers.keys()]);
    if (gone.length === 0) return;
    this.logger.log(`drained and now offline: ${gone.join(', ')}`);
    await this.sync.reload(gone);
  }

  private followRegistry(workerIds: readonly string[]): void {
    let isNews = false;
    for (const id of workerIds) {
      const worker = this.live.worker(id);
      if (worker?.adminState !== 'draining') this.workers.delete(id);
      else {
        this.workers.set(id, worker);
        isNews = true;
      }
    }
    if (isNews) for (const listener of this.listeners) listener();
  }
}

/** The draining workers on which this replica has no request left. A draining worker gets no new requests. */
export function drainedHere(workers: readonly Worker[], inFlight: (workerId: string) => number): Drained {
  const done = workers.filter(({ adminState, id }) => adminState === 'draining' && inFlight(id) === 0);
  return Object.fromEntries(done.map(({ id, adminStateSinceMs }) => [id, adminStateSinceMs]));
}

export function isSame(one: Drained, other: Drained): boolean {
  const ids = Object.keys(one);
  return ids.length === Object.keys(other).length && ids.every((id) => one[id] === other[id]);
}
