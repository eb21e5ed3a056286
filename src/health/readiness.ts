import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import { LiveWorkers } from '../registry/live/live-workers.js';

export type ReadinessState = 'ready' | 'starting' | 'draining';

/** Whether the service is ready. Once loaded, it stays ready without PostgreSQL: requests are served from memory. */
@Injectable()
export class Readiness {
  private draining = false;

  constructor(
    private readonly live: LiveWorkers,
    private readonly database: Database,
  ) {}

  drain(): void {
    this.draining = true;
  }

  state(): ReadinessState {
    if (this.draining) return 'draining';
    return this.live.lastLoadMs === null ? 'starting' : 'ready';
  }

  /** Seconds since the last full read of the table; `null` before the first. */
  registryAgeS(nowMs = Date.now()): number | null {
    return this.live.lastLoadMs === null ? null : (nowMs - this.live.lastLoadMs) / 1000;
  }

  summary() {
    const workers: Record<string, number> = {};
    for (const worker of this.live.workers()) {
      const state = worker.adminState === 'enabled' ? worker.health : worker.adminState;
      workers[state] = (workers[state] ?? 0) + 1;
    }
    return {
      status: this.state(),
      database: this.database.connected ? 'connected' : 'not connected yet',
      registry_age_seconds: this.registryAgeS(),
      models: this.live.models().length,
      workers,
    };
  }
}
