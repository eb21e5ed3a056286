/** Much longer than expected, for busy machines. */
export const PATIENT_MS = 60_000;

const SHORTEST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 100;

/**
 * Waits until the check holds; fails with the source of the check. The pause grows with the time that was waited, because
 * most checks are requests: each costs the same process some milliseconds of CPU.
 */
export async function until(check: () => Promise<boolean> | boolean, withinMs = PATIENT_MS): Promise<void> {
  const startedMs = Date.now();
  for (;;) {
    if (await check()) return;
    const waitedMs = Date.now() - startedMs;
    if (waitedMs > withinMs)
      throw new Error(`the check does not hold within ${withinMs} ms: ${check.toString()}`);
    const pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, waitedMs / 10));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Added to the promised time, for busy machines. */
const GRACE_MS = 50_000;

/** For `expect.poll`. */
export const within = (promisedMs: number) => ({ timeout: promisedMs + GRACE_MS, interval: 50 });

/** Waits until the check holds for each item; fails after the promised time plus some grace. */
export async function untilAll<T>(
  these: readonly T[],
  promisedMs: number,
  isSo: (one: T) => Promise<boolean>,
): Promise<void> {
  await Promise.all(these.map((one) => until(() => isSo(one), within(promisedMs).timeout)));
}
