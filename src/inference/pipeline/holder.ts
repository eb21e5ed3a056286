import { NoWorkerAvailableError } from '../../balancing/balancing-errors.js';
import { unusableReason } from '../../registry/unusable-worker.js';
import type { Worker } from '../../registry/worker.js';

/**
 * The workers that cannot have what `holder` keeps: all others, where it is one of the model's; else all but those of the same
 * server. `null`: nothing is known of where it is, so any worker may serve the request.
 */
export function excludedFor(holder: Worker, workers: readonly Worker[]): ReadonlySet<string> | null {
  const has = workers.some(({ id }) => id === holder.id)
    ? ({ id }: Worker) => id === holder.id
    : ({ url }: Worker) => url === holder.url;
  return workers.some(has) ? new Set(workers.filter((each) => !has(each)).map(({ id }) => id)) : null;
}

/** Names the one worker that could serve the request. Any other error stays as it is. */
export function holderUnavailable(error: unknown, holder: Worker): unknown {
  return unavailable(error, holder, 'the request goes on from what one worker keeps, and that one is');
}

/** The same for a worker that the client chose. */
export function chosenUnavailable(error: unknown, worker: Worker): unknown {
  return unavailable(error, worker, `x-mmm-worker names the worker ${worker.id}, and that one is`);
}

function unavailable(error: unknown, holder: Worker, begins: string): unknown {
  if (!(error instanceof NoWorkerAvailableError)) return error;
  const why = unusableReason(holder) ?? 'busy or failing';
  return new NoWorkerAvailableError(error.modelName, error.retryAfterS, `${begins} ${why}`, error.errorType);
}
