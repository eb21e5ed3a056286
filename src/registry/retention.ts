import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { RegistrySettings } from '../config/settings.js';
import { WorkerObjects } from './live/worker-objects.js';
import { WorkerWriter } from './worker-writer.js';

const HOUR_MS = 3_600_000;

/** Deletes old rows every hour. Every replica does it: rows that one has deleted are gone for the next. */
@Injectable()
export class Retention {
  private readonly logger = new Logger('Registry');

  constructor(
    private readonly writer: WorkerWriter,
    private readonly objects: WorkerObjects,
    private readonly settings: RegistrySettings,
  ) {}

  @Interval(HOUR_MS)
  async purge(): Promise<void> {
    const { offlineRetentionDays, eventRetentionDays } = this.settings;
    await this.writer
      .purge(offlineRetentionDays, eventRetentionDays)
      .then(() => this.objects.purge())
      .catch((error: unknown) => this.logger.warn(`retention deleted nothing: ${String(error)}`));
  }
}
