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

/**
 * A draining worker goes offline once every live replica has reported that it has no request left on it. The same report is made of
 * workers that are being sent to sleep.
 */
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

  /** Calls `listener` when a worker begins to drain or to fall asleep. */
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
      if (worker === undefined || emptiesSinceMs(worker) === null) this.workers.delete(id);
      else {
        this.workers.set(id, worker);
        isNews = true;
      }
    }
    if (isNews) for (const listener of this.listeners) listener();
  }
}

/** Since when a worker gets no new requests and is to have none left, by the clock of the database; `null`: it is in use. */
function emptiesSinceMs({
  adminState,
  adminStateSinceMs,
  power,
}: Pick<Worker, 'adminState' | 'adminStateSinceMs' | 'power'>): number | null {
  if (adminState === 'draining') return adminStateSinceMs;
  return power?.isFallingAsleep === true ? power.sinceMs : null;
}

/** Of the workers that get no new requests, those on which this replica has none left. */
export function drainedHere(
  workers: readonly Pick<Worker, 'id' | 'adminState' | 'adminStateSinceMs' | 'power'>[],
  inFlight: (workerId: string) => number,
): Drained {
  return Object.fromEntries(
    workers.flatMap((worker) => {
      const sinceMs = emptiesSinceMs(worker);
      return sinceMs !== null && inFlight(worker.id) === 0 ? [[worker.id, sinceMs] as const] : [];
    }),
  );
}

export function isSame(one: Drained, other: Drained): boolean {
  const ids = Object.keys(one);
  return ids.length === Object.keys(other).length && ids.every((id) => one[id] === other[id]);
}
