import { PRIORITIES, type Priority } from '../../config/balancing-settings.js';
import type { AcquiredWorker } from '../pool/worker-pool.js';
import type { Counts } from './turn-rules.js';

/** A request that needs a worker. */
export interface Waiter {
  /** Left out: `default`. */
  readonly priority?: Priority;
  /** Ids of workers that are not used again. */
  readonly tried: ReadonlySet<string>;
  readonly affinityKey?: () => string;
  /** By the clock; `Infinity`: there is none. */
  readonly deadlineMs: number;
  /** Of a bulk request that may be cut. */
  readonly cut?: Cut;
}

/** How a bulk request is cut while it runs. It then waits again, at the head of its queue. */
export interface Cut {
  /** How often it was cut so far. */
  readonly cuts: number;
  /** Its client has received nothing, and its call to this worker can be aborted. */
  mayCut(workerId: string): boolean;
  /** Aborts the call. Its worker is released a moment later. */
  cut(): void;
}

export interface Rejection {
  /** `none`: no worker may be used. `full`: the queue is full. `waited`: its time was up before its turn came. */
  readonly reason: 'none' | 'full' | 'waited';
  /** When it is worth trying again; at least 1. */
  readonly retryAfterS: number;
}

export interface QueueEntry {
  readonly sinceMs: number;
  readonly priority: Priority;
  readonly waiter: Waiter;
  readonly answer: (result: AcquiredWorker | Rejection) => void;
  readonly stopClock: () => void;
}

/** The requests that wait, by class; in each class in the order in which they came. */
export class WaitingQueues {
  private readonly byClass: Record<Priority, Set<QueueEntry>> = {
    interactive: new Set(),
    default: new Set(),
    bulk: new Set(),
  };
  private readonly known = new Set<Priority>(['default']);

  get size(): number {
    return this.live + this.of('bulk').size;
  }

  /** Those that are not bulk. */
  get live(): number {
    return this.of('interactive').size + this.of('default').size;
  }

  of(priority: Priority): ReadonlySet<QueueEntry> {
    return this.byClass[priority];
  }

  counts(): Counts & Record<Priority, number> {
    const { interactive, default: others, bulk } = this.byClass;
    return { interactive: interactive.size, default: others.size, bulk: bulk.size };
  }

  /** The counts of `default` and of the classes that have waited. */
  used(): Partial<Counts> {
    const counts = this.counts();
    return Object.fromEntries(
      PRIORITIES.filter((priority) => this.known.has(priority)).map((priority) => [
        priority,
        counts[priority],
      ]),
    );
  }

  add(entry: QueueEntry): void {
    this.known.add(entry.priority);
    this.byClass[entry.priority].add(entry);
  }

  addFirst(entry: QueueEntry): void {
    this.byClass[entry.priority] = new Set([entry, ...this.of(entry.priority)]);
  }

  has(entry: QueueEntry): boolean {
    return this.of(entry.priority).has(entry);
  }

  /** @returns whether it was there */
  remove(entry: QueueEntry): boolean {
    return this.byClass[entry.priority].delete(entry);
  }

  /** The last of a class; `undefined`: none waits. */
  newest(priority: Priority): QueueEntry | undefined {
    return [...this.of(priority)].at(-1);
  }

  /** When the one that waits longest came; `null`: none waits. */
  oldestMs(): number | null {
    let oldestMs = Infinity;
    for (const priority of PRIORITIES)
      for (const { sinceMs } of this.of(priority)) {
        oldestMs = Math.min(oldestMs, sinceMs);
        break;
      }
    return oldestMs === Infinity ? null : oldestMs;
  }
}
