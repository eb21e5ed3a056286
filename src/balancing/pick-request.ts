import type { Priority } from '../config/balancing-settings.js';
import type { Worker, WorkerCall } from '../registry/worker.js';
import type { RequestFacts } from '../telemetry/request-facts.js';
import type { CancelSignal } from '../upstream/exchange.js';
import type { RequestAttempts } from './admission/request-attempts.js';
import type { Tenant } from './admission/tenant.js';

export type CallableWorker = Worker & { readonly call: WorkerCall };

/** What a request needs of the worker that is picked for it. */
export interface PickRequest {
  readonly model: string;
  /** Workers that are not used again; the one that is picked is added. */
  readonly tried: Set<string>;
  /** Collects the attempts of this request at this model; the retry loop settles it. */
  readonly attempts: RequestAttempts;
  /** Requests of one key belong together; called by strategies that care. '': it belongs to none. */
  readonly affinityKey?: () => string;
  readonly tenant: Tenant;
  readonly priority: Priority;
  /** Whether the client has received a byte: from then on a bulk request is not cut. */
  readonly isCommitted: () => boolean;
  /** On the clock of `performance.now()`. */
  readonly deadlineMs: number;
  readonly signal: CancelSignal;
  /** Records how long the request waited in queues, how often it was cut, and a model that was not known when it came. */
  readonly facts: Pick<
    RequestFacts,
    'queueMs' | 'wokeMs' | 'cuts' | 'attempts' | 'workerId' | 'model' | 'fallbackModel'
  >;
}

/**
 * Calls the worker; `signal` fires when the call is to be aborted.
 * @returns what it produced, in tokens where the worker reports them, else an estimate
 */
export type UseWorker = (worker: CallableWorker, signal: CancelSignal) => Promise<number>;

/** A worker of a model, and why it was not picked. */
export interface WorkerCandidate {
  readonly id: string;
  /** Requests that run there from this replica. */
  readonly running: number;
  /** What keeps it from being picked; `null`: nothing. */
  readonly why: string | null;
}
