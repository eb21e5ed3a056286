/** Waits until the check holds; fails with the source of the check. */
export async function until(check: () => Promise<boolean> | boolean, withinMs = 10_000): Promise<void> {
  const endMs = Date.now() + withinMs;
  for (;;) {
    if (await check()) return;
    if (Date.now() > endMs) throw new Error(`not so within ${withinMs} ms: ${check.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Far beyond what is expected, for machines that are busy. */
export const PATIENT_MS = 30_000;

/** What a busy machine gets beyond what is promised. */
const GRACE_MS = 5_000;

/** For `expect.poll`. */
export const within = (promisedMs: number) => ({ timeout: promisedMs + GRACE_MS, interval: 20 });

/** Waits until it is so on each of these; fails where it is not within what is promised, and some grace. */
export async function untilAll<T>(
  these: readonly T[],
  promisedMs: number,
  isSo: (one: T) => Promise<boolean>,
): Promise<void> {
  await Promise.all(these.map((one) => until(() => isSo(one), within(promisedMs).timeout)));
}
