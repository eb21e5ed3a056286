import type { LiveWorkers } from '../registry/live/live-workers.js';
import type { Activity, ActivitySource } from '../registry/live/worker-activity.js';
import { REAL_CLOCK } from './admission/admission.js';
import type { ModelPool } from './model-pool.js';
import type { PooledWorker } from './pool/pooled-worker.js';

/** A model used this recently will be used again: slots of its workers are wanted, though no request waits. */
const RECENT_REQUEST_MS = 1_000;

/** What the pools know of the workers, for modules that must not import balancing. */
export class PoolActivity implements ActivitySource {
  constructor(
    private readonly live: LiveWorkers,
    private readonly pools: ReadonlyMap<string, ModelPool>,
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
