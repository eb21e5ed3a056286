import { Injectable, Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { JobSettings } from '../../config/job-settings.js';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import type { Change, Claim } from './change.js';
import { JobLeases, type Recorded } from './job-leases.js';

interface Pending {
  readonly claim: Claim;
  readonly change: Change;
  /** The answer to a submit comes only once. */
  readonly isKept: boolean;
  readonly done: (written: Recorded | null) => void;
}

const RETRY_MS = 500;
const MOST_AT_ONCE = 500;
/** At shutdown. */
const LAST_TRIES_MS = 5_000;

/**
 * Writes what steps found out, all of a moment in one statement. What cannot be written now is written later if nothing
 * else could find it out, such as the upstream's id of a task; a look is simply made again.
 */
@Injectable()
export class JobRecorder {
  private readonly logger = new Logger('Jobs');
  private readonly pending: Pending[] = [];
  private flushing: Promise<void> | null = null;
  /** By `performance.now()`. */
  private keepUntilMs = Infinity;

  constructor(
    private readonly leases: JobLeases,
    private readonly settings: JobSettings,
  ) {}

  /** @returns the job afterwards; `null`: nothing was written, for another replica has the job, or it has ended */
  record(claim: Claim, change: Change, isKept: boolean): Promise<Recorded | null> {
    return new Promise((resolve) => {
      this.pending.push({ claim, change, isKept, done: resolve });
      this.flushing ??= this.flush();
    });
  }

  /** Writes what is pending. What the database does not take within a few seconds is lost with the process. */
  async stop(): Promise<void> {
    this.keepUntilMs = performance.now() + LAST_TRIES_MS;
    while (this.flushing !== null) await this.flushing;
  }

  private async flush(): Promise<void> {
    while (this.pending.length > 0) {
      if (this.keepUntilMs === Infinity) await sleep(this.settings.recordMs);
      const batch = this.pending.splice(0, MOST_AT_ONCE);
      try {
        await this.write(batch);
      } catch (error) {
        await this.keepForLater(batch, error);
      }
    }
    this.flushing = null;
  }

  private async write(batch: readonly Pending[]): Promise<void> {
    const rows = await this.leases.record(batch.map(({ claim, change }) => [claim, change] as const));
    const written = new Map(rows.map((row) => [row.id, row]));
    for (const item of batch) {
      const row = written.get(item.claim.id);
      item.done(row ?? (batch.length === 1 ? null : await this.writeAlone(item)));
    }
  }

  /** Its row was locked, or the job is no longer this replica's. */
  private async writeAlone({ claim, change }: Pending): Promise<Recorded | null> {
    const [row] = await this.leases.record([[claim, change]]);
    return row ?? null;
  }

  private async keepForLater(batch: readonly Pending[], error: unknown): Promise<void> {
    const isAway = error instanceof DatabaseUnavailableError;
    if (!isAway) {
      this.logger.error(error);
      // One change that cannot be written must not take the others along.
      if (batch.length > 1) {
        for (const item of batch)
          await this.write([item]).catch((fault: unknown) => this.keepForLater([item], fault));
        return;
      }
    }
    const kept = batch.filter(({ isKept }) => isKept && isAway && performance.now() < this.keepUntilMs);
    for (const item of batch) if (!kept.includes(item)) item.done(null);
    this.pending.unshift(...kept);
    if (kept.length > 0) await sleep(RETRY_MS);
  }
}
