/** Much longer than expected, for busy machines. */
export const PATIENT_MS = 60_000;

/** Waits until the check holds; fails with the source of the check. */
export async function until(check: () => Promise<boolean> | boolean, withinMs = PATIENT_MS): Promise<void> {
  const endMs = Date.now() + withinMs;
  for (;;) {
    if (await check()) return;
    if (Date.now() > endMs)
      throw new Error(`the check does not hold within ${withinMs} ms: ${check.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Added to the promised time, for busy machines. */
const GRACE_MS = 50_000;

/** For `expect.poll`. */
export const within = (promisedMs: number) => ({ timeout: promisedMs + GRACE_MS, interval: 20 });

/** Waits until the check holds for each item; fails after the promised time plus some grace. */
export async function untilAll<T>(
  these: readonly T[],
  promisedMs: number,
  isSo: (one: T) => Promise<boolean>,
): Promise<void> {
  await Promise.all(these.map((one) => until(() => isSo(one), within(promisedMs).timeout)));
}
