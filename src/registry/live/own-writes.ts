import { Injectable, Logger } from '@nestjs/common';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { WorkerRefresher } from './worker-refresher.js';

/** What was committed here is seen here before its caller has his answer, so that he can call what he registered. */
@Injectable()
export class OwnWrites {
  private readonly logger = new Logger('Registry');

  constructor(private readonly refresher: WorkerRefresher) {}

  /** Never fails for want of a database: the change is committed, and the next resync shows it. */
  async show(ids: readonly string[]): Promise<void> {
    try {
      await this.refresher.reload(ids);
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError)) throw error;
      this.logger.warn('the database left after a change was committed; it is seen here when it is back');
    }
  }
}
