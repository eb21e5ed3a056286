import { COUNT_TOKENS } from './endpoints.js';
import type { InferenceRequest } from '../client/inference-request.js';
import type { WorkerTask } from '../../registry/worker.js';

/** The caller wants what this worker does not do. */
export class UnsupportedTaskError extends Error {
  constructor(
    wanted: string,
    model: string,
    does: string,
    todo = 'ask a model that does, or use another endpoint',
  ) {
    super(`model(${model}) does ${does}, not ${wanted}: ${todo}`);
    this.name = 'UnsupportedTaskError';
  }
}

/** @param does what the worker does instead */
export function unsupported(
  { modelName }: { readonly modelName: string },
  { raw, task }: Pick<InferenceRequest, 'raw' | 'task'>,
  does: string,
): UnsupportedTaskError {
  const wanted = raw?.path ?? task ?? 'this';
  if (wanted !== COUNT_TOKENS) return new UnsupportedTaskError(wanted, modelName, does);
  return new UnsupportedTaskError(wanted, modelName, does, COUNTED_BY);
}

/** Every model counts in tokens of its own. */
const COUNTED_BY =
  'tokens are counted by workers with protocol "anthropic", and guessed by nobody; the usage of an answer tells them, too';

/** Who chats can complete a text as well. `null`: whatever it does. */
export function supportsTask(task: WorkerTask | null, wanted: WorkerTask | null): boolean {
  return task === null || wanted === null || task === wanted || (wanted === 'completion' && task === 'chat');
}
