import { Injectable, Logger } from '@nestjs/common';
import { DatabaseSettings, HealthSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';

/**
 * A failed request requests a probe at once, on whichever replica probes the worker. At most one hint per worker in
 * `hintIntervalMs`; the failure itself never changes the worker's health.
 */
@Injectable()
export class ProbeHints {
  private readonly logger = new Logger('Health');
  private readonly lastMs = new Map<string, number>();

  constructor(
    private readonly database: Database,
    private readonly settings: HealthSettings,
    private readonly where: DatabaseSettings,
  ) {}

  requestProbe(workerId: string, nowMs = performance.now()): void {
    const lastMs = this.lastMs.get(workerId);
    if (lastMs !== undefined && nowMs - lastMs < this.settings.probeRequestIntervalMs) return;
    for (const [id, atMs] of this.lastMs)
      if (nowMs - atMs >= this.settings.probeRequestIntervalMs) this.lastMs.delete(id);
    this.lastMs.set(workerId, nowMs);
    this.database
      .query(
        `UPDATE "${this.where.schema}".worker_probe SET next_probe_at = now() WHERE worker_id = $1 AND next_probe_at > now()`,
        [workerId],
      )
      .catch((error: unknown) => this.logger.debug(`probe hint not written: ${String(error)}`));
  }
}
