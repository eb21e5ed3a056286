import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { JobSettings } from '../config/job-settings.js';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import { Notifications } from '../database/notifications.js';
import { PeriodicTask } from '../replicas/periodic-task.js';
import type { CancelSignal } from '../upstream/exchange.js';
import { hasEnded, type JobRow } from './job-rows.js';
import { JobTable } from './job-table.js';

type Listener = (row: JobRow | undefined) => void;

/** The database did not answer. */
export const AWAY = 'away';

/** Notifications and own changes that arrive within this time cause one read. */
const GATHER_MS = 20;

/**
 * Shows clients of this replica how their jobs are: one query for all of them, every second, and sooner after a NOTIFY or
 * a change made here.
 */
@Injectable()
export class Waiting implements OnApplicationShutdown {
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly reads: PeriodicTask;

  constructor(
    private readonly table: JobTable,
    private readonly settings: JobSettings,
    notifications: Notifications,
  ) {
    this.reads = new PeriodicTask(() => this.read());
    notifications.subscribe('job_changed', {
      onNotify: (payload) => this.onNotify(payload),
      onListening: () => {
        if (this.listeners.size > 0) this.reads.runWithin(0);
      },
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.reads.stop();
  }

  /** Calls `listener` with the job's row now and then, until `stop` is called; `undefined`: it is gone. @returns stop */
  follow(id: string, listener: Listener): () => void {
    const all = this.listeners.get(id) ?? new Set();
    all.add(listener);
    this.listeners.set(id, all);
    // It may have changed since it was read.
    this.reads.runWithin(GATHER_MS);
    return () => {
      all.delete(listener);
      if (all.size === 0) this.listeners.delete(id);
    };
  }

  /**
   * Resolves with the row once it is `wanted`, or as it was last read at `untilMs` or when `signal` fires; `undefined`: it
   * is gone. A database that is away is waited for, too.
   */
  until(
    id: string,
    first: JobRow | typeof AWAY,
    wanted: (row: JobRow) => boolean,
    untilMs: number,
    signal: CancelSignal | null,
  ): Promise<JobRow | typeof AWAY | undefined> {
    return new Promise((resolve) => {
      let last: JobRow | typeof AWAY | undefined = first;
      const done = (): void => {
        clearTimeout(timer);
        unfollow();
        signal?.removeEventListener('abort', onAbort);
        resolve(last);
      };
      const onAbort = { handleEvent: done };
      const unfollow = this.follow(id, (found) => {
        last = found;
        if (found === undefined || wanted(found) || hasEnded(found)) done();
      });
      const timer =
        untilMs === Infinity ? undefined : setTimeout(done, Math.max(0, untilMs - performance.now()));
      if (signal?.aborted === true) done();
      else signal?.addEventListener('abort', onAbort);
    });
  }

  /** These jobs have changed. */
  changed(ids: Iterable<string>): void {
    for (const id of ids) if (this.listeners.has(id)) return this.reads.runWithin(GATHER_MS);
  }

  private onNotify(payload: string): void {
    this.changed([payload.slice(0, payload.indexOf(' '))]);
  }

  private async read(): Promise<number | null> {
    const ids = [...this.listeners.keys()];
    if (ids.length === 0) return null;
    try {
      const rows = new Map((await this.table.findAll(ids)).map((row) => [row.id, row]));
      for (const id of ids) {
        const row = rows.get(id);
        for (const listener of this.listeners.get(id) ?? []) listener(row);
        if (row === undefined || hasEnded(row)) this.listeners.delete(id);
      }
    } catch {
      // The database is away: clients keep waiting until their own time is over.
    }
    return this.listeners.size > 0 ? this.settings.waitedMs : null;
  }
}

export function awayOrThrow(error: unknown): typeof AWAY {
  if (error instanceof DatabaseUnavailableError) return AWAY;
  throw error;
}
