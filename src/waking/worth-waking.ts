/** Of a model, as one replica sees it. */
export interface WakeDemand {
  /** Requests that wait here. */
  readonly queued: number;
  /** How long a request usually takes; `null`: not known yet. */
  readonly meanMs: number | null;
  /** This replica's slots of the workers that are awake or being woken. */
  readonly slots: number;
  /** Of the worker that would be woken. */
  readonly usualWakeMs: number;
}

/** Before a request has been served: 150 tokens at 40 a second. */
const ASSUMED_REQUEST_MS = 4_000;
/** After the first failure; each further one doubles it. */
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 300_000;

/** Whether another worker is woken: at once where none is awake, else when the queue would outlast the waking. */
export function worthWaking({ queued, meanMs, slots, usualWakeMs }: WakeDemand): boolean {
  if (queued <= 0) return false;
  if (slots <= 0) return true;
  return (queued * (meanMs ?? ASSUMED_REQUEST_MS)) / slots > usualWakeMs;
}

/** Sleep that is shorter than this many wakings makes more requests wait than it saves [docs/scheduling.md]. */
const LEAST_WAKINGS_UNUSED = 3;

/** How long a worker is unused before it is sent to sleep. @param afterMs of its `sleep` */
export function sleepsAfterMs(afterMs: number, usualWakeMs: number): number {
  return Math.max(afterMs, LEAST_WAKINGS_UNUSED * usualWakeMs);
}

/** The pause before the worker is woken, or sent to sleep, again. @param failures of this in a row, 1 or more */
export function nextTryInMs(failures: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
}
