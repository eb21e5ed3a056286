import { until } from '../service.js';

/** What a busy machine gets beyond what is promised. */
const GRACE_MS = 5_000;

/** For `expect.poll`. */
export const within = (promisedMs: number) => ({ timeout: promisedMs + GRACE_MS, interval: 20 });

/** Waits until it is so on each of these; fails where it is not within what is promised, and some grace. */
export async function onAll<T>(
  these: readonly T[],
  promisedMs: number,
  isSo: (one: T) => Promise<boolean>,
): Promise<void> {
  await Promise.all(these.map((one) => until(() => isSo(one), within(promisedMs).timeout)));
}
