import { Injectable } from '@nestjs/common';

/** What this replica alone knows about a worker. */
export interface Activity {
  readonly inFlight: number;
  /** Requests that run there, and those that wait for its model. */
  readonly wanted: number;
  /** This replica ejected the worker until then; `null`: it is not ejected. */
  readonly ejectedUntil: Date | null;
  /** What its requests here show; `null`: nothing is wrong. */
  readonly trouble: Trouble | null;
}

/** `ejected`: this replica sends it no requests. `failing`: all of its last requests failed, and it is still in use. */
export interface Trouble {
  readonly state: 'ejected' | 'failing';
  /** Why it is ejected; '' otherwise. */
  readonly cause: string;
  /** The same as a word of a fixed list. */
  readonly causeKind: string;
  readonly since: Date;
  /** The end of the ejection. */
  readonly until: Date | null;
  /** Failed requests in a row. */
  readonly failures: number;
  readonly lastError: string;
  readonly errorType: string;
  readonly lastErrorAt: Date | null;
}

/** What this replica does now. */
export interface Load {
  /** Running requests by worker, of those that have some. */
  readonly running: Readonly<Record<string, number>>;
  /** By model: how many requests wait for a worker, and for how many ms the first of them has waited. */
  readonly waiting: Readonly<Record<string, readonly [count: number, longestMs: number]>>;
}

/** The requests of one tenant for a model at this replica. */
export interface TenantRequests {
  readonly name: string;
  /** 1 to 1000. */
  readonly weight: number;
  readonly running: number;
  readonly waiting: number;
  readonly runningBulk: number;
  readonly waitingBulk: number;
}

/** Requests of this replica that wait for a worker of a model. */
export interface ModelDemand {
  readonly model: string;
  readonly queued: number;
  /** How long a request usually takes; `null`: not known yet. */
  readonly meanMs: number | null;
  /** This replica's slots of the worker; 0: it has none. */
  slotsOf(workerId: string): number;
}

/** The module that sends requests to workers. */
export interface ActivitySource {
  of(workerId: string): Activity | undefined;
  /** Ids of the workers on which a request succeeded after that, by `performance.now()`. */
  servedSince(sinceMs: number): readonly string[];
  /** When a request last succeeded there, by `performance.now()`; `null`: none yet. */
  lastServedMs(workerId: string): number | null;
  /** When a request last began there, by `performance.now()`: now, while one runs there or waits for its model; `null`: none has. */
  lastUsedMs(workerId: string): number | null;
  load(): Load;
  /** Whose requests of a model run and wait. */
  tenants(model: string): readonly TenantRequests[];
  /** Of the models for which requests wait. */
  demands(): readonly ModelDemand[];
  /** No request is running. */
  readonly isIdle: boolean;
}

const NONE: Activity = { inFlight: 0, wanted: 0, ejectedUntil: null, trouble: null };
const NO_SOURCE: ActivitySource = {
  of: () => undefined,
  servedSince: () => [],
  lastServedMs: () => null,
  lastUsedMs: () => null,
  load: () => ({ running: {}, waiting: {} }),
  tenants: () => [],
  demands: () => [],
  isIdle: true,
};

/** Inverts the dependency on balancing: the registry shows requests in flight without importing the module that counts them. */
@Injectable()
export class WorkerActivity {
  private source: ActivitySource = NO_SOURCE;

  setSource(source: ActivitySource): void {
    this.source = source;
  }

  of(workerId: string): Activity {
    return this.source.of(workerId) ?? NONE;
  }

  servedSince(sinceMs: number): readonly string[] {
    return this.source.servedSince(sinceMs);
  }

  lastServedMs(workerId: string): number | null {
    return this.source.lastServedMs(workerId);
  }

  lastUsedMs(workerId: string): number | null {
    return this.source.lastUsedMs(workerId);
  }

  load(): Load {
    return this.source.load();
  }

  tenants(model: string): readonly TenantRequests[] {
    return this.source.tenants(model);
  }

  demands(): readonly ModelDemand[] {
    return this.source.demands();
  }

  get isIdle(): boolean {
    return this.source.isIdle;
  }
}
