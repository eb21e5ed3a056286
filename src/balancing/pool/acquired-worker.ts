import type { EndedAttempt } from './blame.js';
import type { PooledWorker } from './pooled-worker.js';

/** A request's right to one worker, until it is released. */
export interface AcquiredWorker {
  readonly worker: PooledWorker;
  readonly isTrial: boolean;
  readonly epoch: number;
  /** Changed by the pool alone. */
  isReleased: boolean;
}

/** One attempt of a request that is over. */
export interface FinishedAttempt extends EndedAttempt {
  readonly acquired: AcquiredWorker;
}

export interface Unavailable {
  /** `full`: waiting may help. `none`: no worker may be used. */
  readonly why: 'full' | 'none';
  /** When time alone may bring a worker back; `null`: it does not. */
  readonly retryInMs: number | null;
}

/** A picked worker that is not counted yet. */
export interface Choice {
  readonly worker: PooledWorker;
  /** Those that it was picked from. */
  readonly among: readonly PooledWorker[];
  /** Of the strategy, after this pick. */
  readonly memory: unknown;
}

/** What `acquire` would do. */
export interface Peek {
  /** Copies of all workers as they are now. */
  readonly workers: readonly PooledWorker[];
  /** Of each draw. */
  readonly outcomes: readonly (Choice | Unavailable)[];
}
