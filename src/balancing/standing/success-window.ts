/** How many requests succeeded and failed in a slice of time. */
interface Slice {
  readonly startMs: number;
  readonly successes: number;
  readonly failures: number;
}

/** The slices of the time that counts, oldest first. */
export type SuccessWindow = readonly Slice[];

export const EMPTY_WINDOW: SuccessWindow = [];

const SLICES = 6;

export function withResult(
  before: SuccessWindow,
  succeeded: boolean,
  nowMs: number,
  windowMs: number,
): SuccessWindow {
  const sliceMs = windowMs / SLICES;
  const last = before.at(-1);
  const isCurrent = last !== undefined && nowMs < last.startMs + sliceMs;
  const current = isCurrent ? last : { startMs: nowMs, successes: 0, failures: 0 };
  const older = isCurrent ? before.slice(0, -1) : before;
  return [
    ...older.filter(({ startMs }) => startMs > nowMs - windowMs),
    {
      startMs: current.startMs,
      successes: current.successes + (succeeded ? 1 : 0),
      failures: current.failures + (succeeded ? 0 : 1),
    },
  ];
}

/** Fewer successes than `share`, among at least `samples`. */
export function isBelow(window: SuccessWindow, share: number, samples: number): boolean {
  let successes = 0;
  let all = 0;
  for (const slice of window) {
    successes += slice.successes;
    all += slice.successes + slice.failures;
  }
  return all >= samples && successes < share * all;
}
