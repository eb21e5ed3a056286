import { InvalidInputError } from '../../input/input-errors.js';
import { isCallable, type Worker } from '../../registry/worker.js';
import { RenderError } from '../../template/template-error.js';
import { UnsupportedFieldError } from '../chat/chat-errors.js';
import { UnsupportedTaskError } from '../apis/unsupported-task-error.js';

/** What was asked is beyond a worker, or a model: not wrong by itself. */
export function isCapabilityError(error: unknown): boolean {
  return error instanceof UnsupportedTaskError || error instanceof UnsupportedFieldError;
}

/** A worker was lent that has no words for this request, and nobody was called. One that takes it as it is needs none. */
export function cannotServe(error: unknown): boolean {
  return isCapabilityError(error) || error instanceof InvalidInputError || error instanceof RenderError;
}

/**
 * Adds to `tried`, whose last one had no words for a request, all others that have no more than it.
 * @returns whether anybody is left
 */
export function excludeIncapable(workers: readonly Worker[], tried: Set<string>): boolean {
  const lastId = [...tried].at(-1);
  const wordless = workers.find(({ id }) => id === lastId);
  const words = wordless === undefined ? null : capabilityOf(wordless);
  let isAny = false;
  for (const worker of workers) {
    if (tried.has(worker.id)) continue;
    const its = capabilityOf(worker);
    if (its === null || its === words) tried.add(worker.id);
    else isAny ||= worker.adminState === 'enabled';
  }
  return isAny;
}

/** What can be said to a worker: the same for two means that either all or none of a request. `null`: nothing. */
function capabilityOf(worker: Worker): string | null {
  if (!isCallable(worker)) return null;
  const { call, task } = worker;
  if (call.kind === 'api') return `${task ?? 'any'} by ${call.protocol}`;
  return `${task ?? 'any'} with ${[...call.placeholders].toSorted().join(' ')}`;
}
