import { Injectable, Logger } from '@nestjs/common';
import { Database } from './database.js';
import { lockWaitOfPool, WaitReporter } from './lock-wait.js';

/** Reads of whole tables take less. */
const LATE_MS = 1_000;

/** Says in the log which session holds the lock that a read of this replica waits for: one line for each lock and its holders. */
@Injectable()
export class LockReporter {
  private readonly logger = new Logger('Database');
  private readonly reporters = new Map<string, WaitReporter>();

  constructor(private readonly database: Database) {}

  /** @param what such as `the registry is not read`, for the line */
  async during<T>(what: string, read: () => Promise<T>): Promise<T> {
    const late = setTimeout(() => void this.report(what), LATE_MS);
    try {
      const result = await read();
      this.reporters.get(what)?.forget();
      return result;
    } finally {
      clearTimeout(late);
    }
  }

  private async report(what: string): Promise<void> {
    // Away, or without a free connection: then another line says so.
    const wait = await lockWaitOfPool((sql, values) => this.database.query(sql, values)).catch(() => null);
    if (wait === null) return;
    let reporter = this.reporters.get(what);
    if (reporter === undefined) {
      reporter = new WaitReporter((line) => this.logger.warn(`${what}: ${line}`));
      this.reporters.set(what, reporter);
    }
    reporter.saw(wait);
  }
}
