import { NoWorkerAvailableError, UnknownModelError } from '../../balancing/balancing-errors.js';
import { failureOf } from '../../upstream/failure.js';
import { isCapabilityError } from './capability.js';

/**
 * The models to try after `model`: its fallbacks in order, each followed by its own, none twice. A cycle, which the API
 * rejects but SQL can create, ends where it closes.
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

/** Whether another model may succeed: this one has no worker, none that can serve the request, or failures that may be retried. */
export function mayFallBack(error: unknown): boolean {
  return (
    error instanceof NoWorkerAvailableError ||
    error instanceof UnknownModelError ||
    isCapabilityError(error) ||
    (failureOf(error)?.retry ?? 'never') !== 'never'
  );
}
