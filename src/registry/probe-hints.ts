import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DatabaseSettings, HealthSettings } from '../config/settings.js';
import { Database } from '../database/database.js';

/**
 * What requests tell those who probe: "probe this worker at once", and "it served one". Only hints, each at most once
 * per worker in `HEALTH_HINT_INTERVAL_MS`; verdicts travel, hunches don't. Times are of `performance.now()`.
 */
@Injectable()
export class ProbeHints implements OnApplicationShutdown {
  private readonly logger = new Logger('Health');
  private readonly table: string;
  private readonly lastMs = new Map<string, number>();
  private readonly servedMs = new Map<string, number>();
  private toldMs = -Infinity;
  private writing: NodeJS.Timeout | null = null;

  constructor(
    private readonly database: Database,
    private readonly settings: HealthSettings,
    { schema }: DatabaseSettings,
  ) {
    this.table = `"${schema}".worker_probe`;
  }

  onApplicationShutdown(): void {
    if (this.writing !== null) clearTimeout(this.writing);
  }

  /** A request failed there. */
  lookAgain(workerId: string, nowMs = performance.now()): void {
    const { hintIntervalMs } = this.settings;
    const lastMs = this.lastMs.get(workerId);
    if (lastMs !== undefined && nowMs - lastMs < hintIntervalMs) return;
    for (const [id, atMs] of this.lastMs) if (nowMs - atMs >= hintIntervalMs) this.lastMs.delete(id);
    this.lastMs.set(workerId, nowMs);
    this.write(
      `UPDATE ${this.table} SET next_probe_at = now() WHERE worker_id = $1 AND next_probe_at > now()`,
      [workerId],
    );
  }

  /** A request succeeded there. On the hot path: no more than a note. */
  served(workerId: string, nowMs = performance.now()): void {
    this.servedMs.set(workerId, nowMs);
    this.writing ??= setTimeout(() => this.tellServed(), this.settings.hintIntervalMs).unref();
  }

  /** When a request of this replica last succeeded there. */
  lastServedMs(workerId: string): number | null {
    return this.servedMs.get(workerId) ?? null;
  }

  /** For the other replicas, all in one statement; rows that somebody holds have been written just now, or will be next time. */
  private tellServed(nowMs = performance.now()): void {
    this.writing = null;
    const { hintIntervalMs, servedMs, silenceMs } = this.settings;
    const recent = [...this.servedMs].filter(([, atMs]) => atMs > this.toldMs);
    this.toldMs = nowMs;
    for (const [id, atMs] of this.servedMs)
      if (nowMs - atMs > Math.max(servedMs, silenceMs)) this.servedMs.delete(id);
    if (recent.length === 0) return;
    const ids = recent.map(([id]) => id);
    const agesMs = recent.map(([, atMs]) => nowMs - atMs);
    this.write(
      `WITH free AS MATERIALIZED (
         SELECT worker_id FROM ${this.table} WHERE worker_id = ANY ($1::uuid[])
           AND (last_served_at IS NULL OR last_served_at < now() - $3 * interval '1 ms') FOR NO KEY UPDATE SKIP LOCKED)
       UPDATE ${this.table} p SET last_served_at = now() - served.age_ms * interval '1 ms'
       FROM unnest($1::uuid[], $2::float8[]) AS served (worker_id, age_ms) JOIN free USING (worker_id)
       WHERE p.worker_id = served.worker_id`,
      [ids, agesMs, hintIntervalMs],
    );
  }

  private write(sql: string, values: readonly unknown[]): void {
    this.database
      .query(sql, values)
      .catch((error: unknown) => this.logger.debug(`hint not written: ${String(error)}`));
  }
}
