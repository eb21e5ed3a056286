import { NoWorkerAvailableError, UnknownModelError } from '../../balancing/balancing-errors.js';
import { isCapabilityError } from './capability.js';
import { retryCause } from './retry.js';

/**
 * The models to ask after `model` itself: its fallbacks in order, each followed by its own, none twice. A circle, which
 * the API refuses and a hand in psql may draw, ends where it closes.
 */
export function* fallbacksOf(
  model: string,
  fallbacks: (model: string) => readonly string[],
): Generator<string, void> {
  const seen = new Set([model]);
  yield* follow(model);

  function* follow(of: string): Generator<string, void> {
    for (const next of fallbacks(of)) {
      if (seen.has(next)) continue;
      seen.add(next);
      yield next;
      yield* follow(next);
    }
  }
}

/** Whether another model may do better: this one has no worker, or none with words for it, or its workers refused and made nothing. */
export function mayFallBack(error: unknown): boolean {
  return (
    error instanceof NoWorkerAvailableError ||
    error instanceof UnknownModelError ||
    isCapabilityError(error) ||
    retryCause(error) !== null
  );
}
