import { Injectable } from '@nestjs/common';
import type { Worker } from '../worker.js';

/** All workers of one name, oldest first. A new object whenever one of them changes. */
export interface Model {
  readonly name: string;
  readonly workers: readonly Worker[];
}

/** The registry as last read, in memory, for the hot path. Snapshots are replaced whole; reading never waits. */
@Injectable()
export class LiveWorkers {
  private byModel: ReadonlyMap<string, Model> = new Map();
  private byId: ReadonlyMap<string, Worker> = new Map();
  private loadedAtMs: number | null = null;
  private readonly listeners: (() => void)[] = [];

  /** When the table was last read whole; `null` before the first time. */
  get lastLoadMs(): number | null {
    return this.loadedAtMs;
  }

  /** Calls `listener` after every change. */
  onChange(listener: () => void): void {
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

  /** The whole table. */
  replaceAll(workers: readonly Worker[], nowMs: number): void {
    this.loadedAtMs = nowMs;
    this.update(new Map(workers.map((worker) => [worker.id, worker])));
  }

  /** The workers found for `ids`; ids without a worker are removed. */
  replace(ids: readonly string[], found: readonly Worker[]): void {
    const next = new Map(this.byId);
    for (const id of ids) next.delete(id);
    for (const worker of found) next.set(worker.id, worker);
    this.update(next);
  }

  /** Replaces a worker with what this replica observed while the table cannot be written; the next read of its row replaces this. */
  overrideHealth(worker: Worker): void {
    if (this.byId.has(worker.id)) this.update(new Map(this.byId).set(worker.id, worker));
  }

  private update(byId: ReadonlyMap<string, Worker>): void {
    const grouped = new Map<string, Worker[]>();
    for (const worker of byId.values()) {
      const siblings = grouped.get(worker.modelName);
      if (siblings === undefined) grouped.set(worker.modelName, [worker]);
      else siblings.push(worker);
    }
    const byModel = new Map<string, Model>();
    for (const [name, workers] of grouped) {
      const sorted = workers.toSorted(oldestFirst);
      const before = this.byModel.get(name);
      byModel.set(
        name,
        before !== undefined && same(before.workers, sorted) ? before : { name, workers: sorted },
      );
    }
    this.byId = byId;
    this.byModel = byModel;
    for (const listener of this.listeners) listener();
  }
}

export function oldestFirst(a: Worker, b: Worker): number {
  // A time that was set by hand may be infinity, which the driver returns as a number.
  return Number(a.createdAt) - Number(b.createdAt) || (a.id < b.id ? -1 : 1);
}

function same(a: readonly Worker[], b: readonly Worker[]): boolean {
  return a.length === b.length && a.every((worker, index) => worker === b[index]);
}
