import type { Priority } from '../config/balancing-settings.js';
import type { ResultFile } from '../registry/poll.js';
import type { JobInput, JobKind } from './job.js';

/** A job of a model without poll workers: one call is the submit and gives the result. */
export interface OneCallJob {
  readonly id: string;
  readonly modelName: string;
  /** The id of a key; '' of ADMIN_API_KEY and of clients that need no key. */
  readonly ownerKey: string;
  /** The team that the key acted for; '': its own. */
  readonly tenant: string;
  readonly kind: JobKind;
  readonly priority: Priority;
  readonly input: JobInput;
  readonly requestId: string;
}

export interface OneCallResult {
  readonly workerId: string | null;
  /** A text is a file of type `text/plain; charset=utf-8`. */
  readonly files: readonly ResultFile[];
}

/** Makes the one call, on a worker that balancing picks. `inference` implements it: jobs do not know that folder. */
export abstract class OneCall {
  /** @throws NoWorkerAvailableError while all workers are busy, UpstreamError, and errors of a request that no worker can express */
  abstract call(job: OneCallJob, signal: AbortSignal): Promise<OneCallResult>;
}

/** Where `inference` hands in its OneCall. */
export class OneCalls {
  private port: OneCall | null = null;

  set(port: OneCall): void {
    this.port = port;
  }

  get(): OneCall | null {
    return this.port;
  }
}
