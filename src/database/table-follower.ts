import type { Logger } from '@nestjs/common';
import { DatabaseUnavailableError } from './database-unavailable-error.js';
import type { LockReporter } from './lock-reporter.js';

/** Notifications that arrive within this time cause one read. */
const GATHER_MS = 50;
/** Pause after a read that found no database, ± half: replicas see its return soon, but not all in one moment. */
const RETRY_MS = 1_000;

export interface FollowedTables {
  /** Compares the copy with the whole tables, and reads what changed. */
  readonly readChanged: () => Promise<void>;
  /** Reads these rows again. */
  readonly reload: (ids: readonly string[]) => Promise<void>;
  readonly resyncMs: number;
  readonly logger: Logger;
  readonly locks: LockReporter;
  /** For the log while a read waits for a lock, such as `the registry is not read`. */
  readonly whenLocked: string;
}

/**
 * Keeps a copy in memory equal to its tables. The periodic resync decides and needs no LISTEN; a NOTIFY is a hint to read
 * earlier.
 */
export class TableFollower {
  private readonly hinted = new Set<string>();
  private gathering: NodeJS.Timeout | null = null;
  private resyncing: NodeJS.Timeout | null = null;
  private reading: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(private readonly tables: FollowedTables) {}

  /** Waits for the running reads and starts no other by itself. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.gathering !== null) clearTimeout(this.gathering);
    if (this.resyncing !== null) clearTimeout(this.resyncing);
    await this.reading;
  }

  /** Reads follow one another, so that an older one never overwrites a newer one. */
  inTurn(read: () => Promise<void>): Promise<void> {
    const turn = this.reading.then(read);
    this.reading = turn.catch(() => {});
    return turn;
  }

  /** Something changed: a row, or what has no id (`null`). */
  hint(id: string | null): void {
    if (id !== null) this.hinted.add(id);
    this.gathering ??= setTimeout(() => {
      this.gathering = null;
      const ids = [...this.hinted];
      this.hinted.clear();
      this.tables.reload(ids).catch(() => this.resync());
    }, GATHER_MS).unref();
  }

  /** Compares with the whole tables now, and again after `resyncMs`; sooner if the database was away. */
  async resync(): Promise<void> {
    if (this.stopped) return;
    if (this.resyncing !== null) clearTimeout(this.resyncing);
    this.resyncing = null;
    const { locks, whenLocked, readChanged, resyncMs, logger } = this.tables;
    const nextMs = await this.inTurn(() => locks.during(whenLocked, readChanged)).then(
      () => resyncMs,
      (error: unknown) => {
        if (error instanceof DatabaseUnavailableError)
          return Math.min(resyncMs, RETRY_MS * (0.5 + Math.random()));
        logger.error(error);
        return resyncMs;
      },
    );
    if (this.stopped || this.resyncing !== null) return;
    this.resyncing = setTimeout(() => void this.resync(), nextMs).unref();
  }
}
