import { Injectable } from '@nestjs/common';
import type { Worker } from '../worker.js';

/** All workers of one name, oldest first. A new object whenever one of them changes. */
export interface Model {
  readonly name: string;
  readonly workers: readonly Worker[];
}

/** What one change touched. */
export interface RegistryChange {
  /** Ids of workers that came, changed or went. */
  readonly workerIds: readonly string[];
  /** Names of the models that came, changed or went. */
  readonly models: readonly string[];
}

/** Workers by id as they are now; `null`: it is gone. */
export type WorkerChanges = ReadonlyMap<string, Worker | null>;

/**
 * The registry as last read, in memory, for the hot path. A model's workers are replaced together; reading never waits. A
 * change costs what it touches, however many other workers there are.
 */
@Injectable()
export class LiveWorkers {
  private readonly byModel = new Map<string, Model>();
  private readonly byId = new Map<string, Worker>();
  private loadedAtMs: number | null = null;
  private readonly listeners: ((change: RegistryChange) => void)[] = [];

  /** When the table was last read whole; `null` before the first time. */
  get lastLoadMs(): number | null {
    return this.loadedAtMs;
  }

  /** The table has been read whole. */
  loaded(nowMs: number): void {
    this.loadedAtMs = nowMs;
  }

  /** Calls `listener` after every change. */
  onChange(listener: (change: RegistryChange) => void): void {
    this.listeners.push(listener);
  }

  model(name: string): Model | undefined {
    return this.byModel.get(name);
  }

  models(): readonly Model[] {
    return [...this.byModel.values()];
  }

  worker(id: string): Worker | undefined {
    return this.byId.get(id);
  }

  workers(): readonly Worker[] {
    return [...this.byId.values()];
  }

  /** Replaces a worker with what this replica observed while the table cannot be written; the next read of its row replaces this. */
  overrideHealth(worker: Worker): void {
    if (this.byId.has(worker.id)) this.apply(new Map([[worker.id, worker]]));
  }

  /** All at once: no reader sees a part of it. */
  apply(changes: WorkerChanges): void {
    const touched = new Map<string, Worker[]>();
    const workerIds = new Set<string>();
    for (const [id, worker] of changes) {
      const before = this.byId.get(id);
      if (before === (worker ?? undefined)) continue;
      workerIds.add(id);
      if (before !== undefined) touched.set(before.modelName, touched.get(before.modelName) ?? []);
      if (worker === null) {
        this.byId.delete(id);
        continue;
      }
      this.byId.set(id, worker);
      const siblings = touched.get(worker.modelName);
      if (siblings === undefined) touched.set(worker.modelName, [worker]);
      else siblings.push(worker);
    }
    if (workerIds.size === 0) return;
    for (const [name, changed] of touched) this.replaceModel(name, changed, workerIds);
    const change = { workerIds: [...workerIds], models: [...touched.keys()] };
    for (const listener of this.listeners) listener(change);
  }

  private replaceModel(name: string, changed: readonly Worker[], changedIds: ReadonlySet<string>): void {
    const kept = this.byModel.get(name)?.workers.filter(({ id }) => !changedIds.has(id)) ?? [];
    const workers = [...kept, ...changed].toSorted(oldestFirst);
    if (workers.length === 0) this.byModel.delete(name);
    else this.byModel.set(name, { name, workers });
  }
}

export function oldestFirst(a: Worker, b: Worker): number {
  // A time that was set by hand may be infinity, which the driver returns as a number.
  return Number(a.createdAt) - Number(b.createdAt) || (a.id < b.id ? -1 : 1);
}
