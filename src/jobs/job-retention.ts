import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { JobSettings } from '../config/job-settings.js';
import { JobTable } from './job-table.js';

const MINUTE_MS = 60_000;
/** Files go with their jobs: a slice must not hold its locks for long. */
const SLICE = 500;

/** Deletes jobs some time after their end, with their files. Every replica does it: what one deletes the next skips. */
@Injectable()
export class JobRetention {
  private readonly logger = new Logger('Jobs');

  constructor(
    private readonly table: JobTable,
    private readonly settings: JobSettings,
  ) {}

  @Interval(MINUTE_MS)
  async purge(): Promise<void> {
    try {
      while ((await this.table.purge(this.settings.retentionMs, SLICE)) === SLICE);
    } catch (error) {
      this.logger.debug(`ended jobs were not deleted: ${String(error)}`);
    }
  }
}
