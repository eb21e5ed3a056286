import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { RegistrySettings } from '../config/settings.js';
import { WorkerWriter } from './worker-writer.js';

const HOUR_MS = 3_600_000;

/** Forgets what is older than it is kept. Every replica does it; what one has deleted the next does not find. */
@Injectable()
export class Retention {
  private readonly logger = new Logger('Registry');

  constructor(
    private readonly repository: WorkerWriter,
    private readonly settings: RegistrySettings,
  ) {}

  @Interval(HOUR_MS)
  async purge(): Promise<void> {
    const { offlineRetentionDays, eventRetentionDays } = this.settings;
    await this.repository
      .purge(offlineRetentionDays, eventRetentionDays)
      .catch((error: unknown) => this.logger.warn(`nothing purged: ${String(error)}`));
  }
}
