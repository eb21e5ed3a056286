import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LiveKeys } from '../access/keys/live-keys.js';
import { Database } from '../database/database.js';
import { LiveWorkers } from '../registry/live/live-workers.js';
import { Replicas } from '../replicas/replicas.js';
import { type Trouble, WorkerActivity } from '../registry/live/worker-activity.js';
import type { Worker } from '../registry/worker.js';
import { StartCheck } from './start-check.js';

const MOST_SHOWN = 20;
/** Until it is ready. */
const LOOK_MS = 250;

export type ReadinessState = 'ready' | 'starting' | 'misconfigured' | 'draining';

/** Whether the service is ready. Once it was, it stays ready without PostgreSQL: requests are served from memory. */
@Injectable()
export class Readiness implements OnApplicationBootstrap, OnApplicationShutdown {
  private draining = false;
  private wasReady = false;
  private starting: NodeJS.Timeout | undefined;

  constructor(
    private readonly live: LiveWorkers,
    private readonly keys: LiveKeys,
    private readonly activity: WorkerActivity,
    private readonly database: Database,
    private readonly start: StartCheck,
    private readonly replicas: Replicas,
  ) {}

  /** What keeps it from becoming ready is in the log, also where nothing looks at `/readyz`. */
  onApplicationBootstrap(): void {
    this.starting = setInterval(() => {
      if (this.state() === 'ready') clearInterval(this.starting);
    }, LOOK_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.starting);
  }

  drain(): void {
    this.draining = true;
  }

  state(): ReadinessState {
    if (this.draining) return 'draining';
    if (this.wasReady) return 'ready';
    if (this.live.lastLoadMs === null || !this.keys.isLoaded) return 'starting';
    // Requests would wait for slots: the other replicas do not know of this one yet.
    this.wasReady = this.start.hasPassed() && this.replicas.isSettled;
    if (this.wasReady) return 'ready';
    return this.start.reason === null ? 'starting' : 'misconfigured';
  }

  /** The answer of `/readyz`. */
  page(): { readonly status: ReadinessState; readonly reason?: string } {
    const status = this.state();
    return status === 'misconfigured' && this.start.reason !== null
      ? { status, reason: this.start.reason }
      : { status };
  }

  /** Seconds since the last full read of the table; `null` before the first. */
  registryAgeS(nowMs = Date.now()): number | null {
    return this.live.lastLoadMs === null ? null : (nowMs - this.live.lastLoadMs) / 1000;
  }

  private databaseState(): string {
    if (!this.database.connected) return 'not connected yet';
    return this.database.writable ? 'connected' : 'read-only';
  }

  summary() {
    const workers: Record<string, number> = {};
    const failing = [];
    for (const worker of this.live.workers()) {
      const { trouble } = this.activity.of(worker.id);
      const state = stateOf(worker, trouble);
      workers[state] = (workers[state] ?? 0) + 1;
      // No names, no messages: this page is open to everyone.
      if (state === 'failing' && failing.length < MOST_SHOWN && trouble !== null)
        failing.push({ worker_id: worker.id, since: trouble.since, error_type: trouble.errorType });
    }
    return {
      status: this.state(),
      database: this.databaseState(),
      registry_age_seconds: this.registryAgeS(),
      models: this.live.models().length,
      workers,
      failing,
    };
  }
}

/** For summaries and metrics: what people want, else what requests show, else what probes show. */
export function stateOf({ adminState, health }: Worker, trouble: Trouble | null): string {
  if (adminState !== 'enabled') return adminState;
  return health === 'unhealthy' ? health : (trouble?.state ?? health);
}
