import type { LiveWorkers } from '../registry/live/live-workers.js';
import type { Activity, ActivitySource } from '../registry/live/worker-activity.js';
import { REAL_CLOCK } from './admission/clock.js';
import type { ModelDesk } from './model-desk.js';
import type { Standing } from './standing/standing.js';

/** A model that was asked for so lately will be asked for again: its workers are wanted, though nothing may wait. */
const ASKED_MS = 1_000;

/** What the desks know of the workers, for those who must not know the desks. */
export class DeskActivity implements ActivitySource {
  constructor(
    private readonly live: LiveWorkers,
    private readonly desks: ReadonlyMap<string, ModelDesk>,
  ) {}

  of(workerId: string): Activity | undefined {
    const worker = this.live.worker(workerId);
    const desk = worker && this.desks.get(worker.modelName);
    const standing = desk?.roster.standing(workerId);
    if (desk === undefined || standing === undefined) return undefined;
    const nowMs = REAL_CLOCK.nowMs();
    const { ejectedFor, untilMs } = standing.experience.circuit;
    const inMs = untilMs - nowMs;
    return {
      inFlight: standing.inFlight,
      wanted: wantedOf(desk, standing, nowMs),
      ejectedUntil: ejectedFor !== null && inMs > 0 ? new Date(Date.now() + inMs) : null,
    };
  }

  servedSince(sinceMs: number): readonly string[] {
    return [...this.desks.values()].flatMap(({ roster }) =>
      roster.all
        .filter(({ experience }) => (experience.lastSuccessMs ?? -Infinity) > sinceMs)
        .map(({ id }) => id),
    );
  }

  get isIdle(): boolean {
    return [...this.desks.values()].every(({ isIdle }) => isIdle);
  }
}

/** One that may not be used, or wants to be left alone, keeps what it has and gets no more. */
function wantedOf(desk: ModelDesk, standing: Standing, nowMs: number): number {
  const { inFlight } = standing;
  const isOfUse = standing.isWanted && (standing.isInUse || standing.awaitsTrial(nowMs));
  if (!isOfUse || standing.isBusy(nowMs)) return inFlight;
  const isAskedFor = nowMs - desk.askedAtMs < ASKED_MS;
  return Math.max(inFlight + desk.admission.queued, isAskedFor ? 1 : 0);
}
