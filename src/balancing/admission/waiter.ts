import type { Priority } from '../../config/balancing-settings.js';
import type { AcquiredWorker } from '../pool/acquired-worker.js';
import type { Tenant } from './tenant.js';

/** A request that needs a worker. */
export interface Waiter {
  /** Left out: a request without a key. */
  readonly tenant?: Tenant;
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

/** A request in the queue. */
export interface QueueEntry {
  readonly sinceMs: number;
  readonly tenant: Tenant;
  readonly priority: Priority;
  readonly waiter: Waiter;
  readonly answer: (result: AcquiredWorker | Rejection) => void;
  stopClock: () => void;
}
