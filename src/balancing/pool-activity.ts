import type { LiveWorkers } from '../registry/live/live-workers.js';
import type {
  Activity,
  ActivitySource,
  Load,
  ModelDemand,
  TenantRequests,
  Trouble,
} from '../registry/live/worker-activity.js';
import { REAL_CLOCK } from './admission/clock.js';
import type { ModelPool } from './model-pool.js';
import type { EjectionReason } from './pool/circuit.js';
import type { PooledWorker } from './pool/pooled-worker.js';
import type { WorkerTroubles } from './worker-results.js';

/** For logs and tables. */
export const CAUSES: Readonly<Record<EjectionReason, string>> = {
  connect_error: 'it could not be reached',
  failure: 'it failed requests that other workers served, or too many in a row',
  credentials: 'it rejects our credentials',
  access_denied: 'it denies access',
};

/** A model used this recently will be used again: slots of its workers are wanted, though no request waits. */
const RECENT_REQUEST_MS = 1_000;

/** What the pools know of the workers, for modules that must not import balancing. */
export class PoolActivity implements ActivitySource {
  constructor(
    private readonly live: LiveWorkers,
    private readonly pools: ReadonlyMap<string, ModelPool>,
    private readonly troubles: WorkerTroubles,
  ) {}

  of(workerId: string): Activity | undefined {
    const worker = this.live.worker(workerId);
    const pool = worker && this.pools.get(worker.modelName);
    const pooled = pool?.workerPool.worker(workerId);
    if (pool === undefined || pooled === undefined) return undefined;
    const nowMs = REAL_CLOCK.nowMs();
    const { ejectedFor, untilMs } = pooled.stats.circuit;
    const inMs = untilMs - nowMs;
    return {
      inFlight: pooled.inFlight,
      wanted: wantedSlots(pool, pooled, nowMs),
      ejectedUntil: ejectedFor !== null && inMs > 0 ? new Date(Date.now() + inMs) : null,
      trouble: this.troubleOf(workerId, pooled),
    };
  }

  private troubleOf(workerId: string, { stats }: PooledWorker): Trouble | null {
    const { ejectedFor, untilMs, ejectedSinceMs } = stats.circuit;
    const last = this.troubles.lastFailure(workerId);
    const shown = {
      failures: last?.failures ?? 0,
      lastError: last?.lastError ?? '',
      errorType: last?.errorType ?? '',
      lastErrorAt: last === null ? null : new Date(last.lastErrorMs),
    };
    if (ejectedFor !== null)
      return {
        state: 'ejected',
        cause: CAUSES[ejectedFor],
        causeKind: ejectedFor,
        since: dateOf(ejectedSinceMs),
        until: dateOf(untilMs),
        ...shown,
      };
    const failing = this.troubles.failing(workerId);
    if (failing === null) return null;
    return {
      state: 'failing',
      cause: '',
      causeKind: '',
      since: new Date(failing.sinceMs),
      until: null,
      ...shown,
    };
  }

  servedSince(sinceMs: number): readonly string[] {
    return [...this.pools.values()].flatMap(({ workerPool }) =>
      workerPool.all.filter(({ stats }) => (stats.lastSuccessMs ?? -Infinity) > sinceMs).map(({ id }) => id),
    );
  }

  lastServedMs(workerId: string): number | null {
    const worker = this.live.worker(workerId);
    const pooled = worker && this.pools.get(worker.modelName)?.workerPool.worker(workerId);
    return pooled?.stats.lastSuccessMs ?? null;
  }

  lastUsedMs(workerId: string): number | null {
    const worker = this.live.worker(workerId);
    const pool = worker && this.pools.get(worker.modelName);
    const pooled = pool?.workerPool.worker(workerId);
    if (pool === undefined || pooled === undefined) return null;
    return pooled.inFlight > 0 || pool.admission.queued > 0 ? REAL_CLOCK.nowMs() : pooled.lastUsedMs;
  }

  load(): Load {
    const running: Record<string, number> = {};
    const waiting: Record<string, [number, number]> = {};
    for (const [model, { workerPool, admission }] of this.pools) {
      for (const { id, inFlight } of workerPool.all) if (inFlight > 0) running[id] = inFlight;
      if (admission.queued > 0) waiting[model] = [admission.queued, Math.round(admission.longestWaitMs())];
    }
    return { running, waiting };
  }

  tenants(model: string): readonly TenantRequests[] {
    return this.pools.get(model)?.admission.queues.tenants() ?? [];
  }

  demands(): readonly ModelDemand[] {
    return [...this.pools].flatMap(([model, { workerPool, admission }]) => {
      const { queued } = admission;
      if (queued === 0) return [];
      const latencies = workerPool.all.flatMap(({ stats }) =>
        stats.latency.ms > 0 ? [stats.latency.ms] : [],
      );
      const meanMs =
        latencies.length === 0 ? null : latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length;
      const slotsOf = (id: string): number => workerPool.worker(id)?.member.concurrencyLimit ?? 0;
      return [{ model, queued, meanMs, slotsOf }];
    });
  }

  get isIdle(): boolean {
    return [...this.pools.values()].every(({ isIdle }) => isIdle);
  }
}

/** A worker that may not be used, or is throttled, keeps the slots it has and gets no more. */
function wantedSlots(pool: ModelPool, worker: PooledWorker, nowMs: number): number {
  const { inFlight } = worker;
  const isUsable = worker.isEligible && (worker.isInRotation || worker.awaitsTrial(nowMs));
  if (!isUsable || worker.isThrottled(nowMs)) return inFlight;
  const isRecentlyUsed = nowMs - pool.lastRequestMs < RECENT_REQUEST_MS;
  return Math.max(inFlight + pool.admission.queued, isRecentlyUsed ? 1 : 0);
}

/** @param atMs by the clock of `performance.now()` */
export function dateOf(atMs: number): Date {
  return new Date(performance.timeOrigin + atMs);
}
