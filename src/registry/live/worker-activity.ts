import { Injectable } from '@nestjs/common';

/** What this replica itself knows of one worker. */
export interface Activity {
  readonly inFlight: number;
  /** Requests that would run there if it had room for all: those that do, and those that wait for its model. */
  readonly wanted: number;
  /** Until when it is put aside here; `null`: it is not. */
  readonly ejectedUntil: Date | null;
}

/** Those that use workers. */
export interface ActivitySource {
  of(workerId: string): Activity | undefined;
  /** Ids of those on which a request succeeded after that, by the clock of `performance.now()`. */
  servedSince(sinceMs: number): readonly string[];
  /** No request runs anywhere. */
  readonly isIdle: boolean;
}

const NONE: Activity = { inFlight: 0, wanted: 0, ejectedUntil: null };
const NO_SOURCE: ActivitySource = { of: () => undefined, servedSince: () => [], isIdle: true };

/** Where it is asked what is known of a worker by those that use it, without knowing them. */
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

  get isIdle(): boolean {
    return this.source.isIdle;
  }
}
