import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import { UpstreamClient } from '../upstream/upstream-client.js';
import { UsageSums, type UsageSum } from './usage-sums.js';
import { UsageTable } from './usage-table.js';
import type { Used } from './used.js';

/** With the time of a statement, a replica that is killed loses what it served in less than 2 s. */
const WRITE_MS = 1_500;
/** Rows of one batch: a statement of about 100 ms. */
const BATCH_ROWS = 2_000;
const RETRY_MS = 500;
/** At shutdown. */
const LAST_TRIES_MS = 5_000;
const HOUR_MS = 3_600_000;

interface Batch {
  readonly sequence: number;
  readonly rows: readonly UsageSum[];
}

/**
 * Sums what requests used and writes it in batches, one after the other. A batch whose fate is unknown is tried again
 * unchanged, under its number; what comes meanwhile is summed for the next ones.
 */
@Injectable()
export class UsageWriter implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Usage');
  private readonly sums = new UsageSums();
  private unwritten: Batch | null = null;
  private sequence = 0;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<boolean> = Promise.resolve(true);
  private isAway = false;
  private stopped = false;

  constructor(
    private readonly table: UsageTable,
    private readonly upstream: UpstreamClient,
  ) {}

  add(used: Used): void {
    this.sums.add(used, Date.now());
  }

  onApplicationBootstrap(): void {
    this.plan();
  }

  /** Calls to workers may go on without a client: what they used is known when they have ended. Jobs have stopped before. */
  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.upstream.close();
    // What follows from the end of the last call.
    await setImmediate();
    const untilMs = performance.now() + LAST_TRIES_MS;
    while (!(await this.write()) && performance.now() < untilMs) await sleep(RETRY_MS);
    const lost = this.sums.size + (this.unwritten?.rows.length ?? 0);
    if (lost > 0) this.logger.error(`${lost} rows of usage were not written, and are lost`);
  }

  /** Writes what has come so far, unless the database is away. */
  write(): Promise<boolean> {
    this.writing = this.writing.then(() => this.writeAll());
    return this.writing;
  }

  @Interval(HOUR_MS)
  async purge(): Promise<void> {
    await this.table.purge().catch((error: unknown) => {
      this.logger.warn(`old usage was not deleted: ${String(error)}`);
    });
  }

  private plan(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      void this.write().then(() => this.plan());
    }, WRITE_MS).unref();
  }

  /**
   * Writes what is there now: what requests add meanwhile waits for the next time, or a busy replica would write without end.
   * @returns whether nothing is left. Never throws.
   */
  private async writeAll(): Promise<boolean> {
    let batches = Math.ceil(this.sums.size / BATCH_ROWS) + (this.unwritten === null ? 0 : 1);
    for (; batches > 0; batches--) {
      this.unwritten ??= { sequence: ++this.sequence, rows: this.sums.take(BATCH_ROWS) };
      try {
        await this.table.add(this.unwritten.sequence, this.unwritten.rows);
        this.unwritten = null;
        if (this.isAway) this.logger.log('usage is written again');
        this.isAway = false;
      } catch (error) {
        if (isOfValues(error)) {
          // It would be refused for ever, and hold up all others.
          this.logger.error(`${this.unwritten?.rows.length ?? 0} rows of usage are lost: ${String(error)}`);
          this.unwritten = null;
          continue;
        }
        if (!(error instanceof DatabaseUnavailableError)) this.logger.error(error);
        else if (!this.isAway)
          this.logger.warn(`usage is not written, and is kept in memory: ${error.message}`);
        this.isAway = true;
        return false;
      }
    }
    return this.sums.size === 0;
  }
}

/** data_exception and integrity_constraint_violation [PostgreSQL, Appendix A]. */
function isOfValues(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^2[23]/.test(String(error.code));
}
