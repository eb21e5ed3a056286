import type { LiveWorkers } from '../registry/live/live-workers.js';
import type { Activity, ActivitySource } from '../registry/live/worker-activity.js';
import { REAL_CLOCK } from './admission/admission.js';
import type { ModelPool } from './model-pool.js';
import type { PooledWorker } from './pool/pooled-worker.js';

/** A model that was asked for so lately will be asked for again: its workers are wanted, though nothing may wait. */
const RECENT_REQUEST_MS = 1_000;

/** What the desks know of the workers, for those who must not know the desks. */
export class PoolActivity implements ActivitySource {
  constructor(
    private readonly live: LiveWorkers,
    private readonly desks: ReadonlyMap<string, ModelPool>,
  ) {}

  of(workerId: string): Activity | undefined {
    const worker = this.live.worker(workerId);
    const desk = worker && this.desks.get(worker.modelName);
    const standing = desk?.workerPool.worker(workerId);
    if (desk === undefined || standing === undefined) return undefined;
    const nowMs = REAL_CLOCK.nowMs();
    const { ejectedFor, untilMs } = standing.stats.circuit;
    const inMs = untilMs - nowMs;
    return {
      inFlight: standing.inFlight,
      wanted: wantedOf(desk, standing, nowMs),
      ejectedUntil: ejectedFor !== null && inMs > 0 ? new Date(Date.now() + inMs) : null,
    };
  }

  servedSince(sinceMs: number): readonly string[] {
    return [...this.desks.values()].flatMap(({ workerPool: roster }) =>
      roster.all
        .filter(({ stats: experience }) => (experience.lastSuccessMs ?? -Infinity) > sinceMs)
        .map(({ id }) => id),
    );
  }

  get isIdle(): boolean {
    return [...this.desks.values()].every(({ isIdle }) => isIdle);
  }
}

/** One that may not be used, or wants to be left alone, keeps what it has and gets no more. */
function wantedOf(desk: ModelPool, standing: PooledWorker, nowMs: number): number {
  const { inFlight } = standing;
  const isOfUse = standing.isEligible && (standing.isInRotation || standing.awaitsTrial(nowMs));
  if (!isOfUse || standing.isThrottled(nowMs)) return inFlight;
  const isAskedFor = nowMs - desk.lastRequestMs < RECENT_REQUEST_MS;
  return Math.max(inFlight + desk.admission.queued, isAskedFor ? 1 : 0);
}
