import type { Worker } from '../../registry/worker.js';
import { InvalidInputError } from '../../input/invalid-input-error.js';
import { RenderError } from '../../template/template-error.js';
import { UntranslatableError } from '../chat/protocol-error.js';
import { doesTask } from '../protocols/does-task.js';
import type { Dialect, InferenceRequest } from '../request/inference-request.js';
import { UnsupportedTaskError } from '../protocols/unsupported-task-error.js';

/** A worker was lent that has no words for this request, and nobody was called. One that takes it as it is needs none. */
export function hasNoWords(error: unknown): boolean {
  return (
    error instanceof UnsupportedTaskError ||
    error instanceof UntranslatableError ||
    error instanceof InvalidInputError ||
    error instanceof RenderError
  );
}

/** Leaves nobody to be tried but those that take this request as it is. @returns whether there is any */
export function leaveSpeakers(
  { raw, task }: Pick<InferenceRequest, 'raw' | 'task'>,
  workers: readonly Worker[],
  tried: Set<string>,
): boolean {
  let isAny = false;
  for (const worker of workers) {
    if (tried.has(worker.id)) continue;
    if (!isSpokenBy(worker, raw?.dialect) || !doesTask(worker.task, task)) tried.add(worker.id);
    else isAny ||= worker.adminState === 'enabled';
  }
  return isAny;
}

function isSpokenBy({ call }: Worker, dialect: Dialect | undefined): boolean {
  return 'kind' in call && call.kind === 'api' && call.protocol === dialect;
}
