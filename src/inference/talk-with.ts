import { doesTask } from './does-task.js';
import type { InferenceRequest } from './inference-request.js';
import { apiTalk } from './protocols/api-talk.js';
import { templateTalk } from './protocols/template-talk.js';
import type { CallableWorker, Talk } from './talk.js';
import { UnsupportedTaskError } from './unsupported-task-error.js';

/**
 * Renders the request for a worker. Pure, and the request itself is never changed.
 * @throws UnsupportedTaskError, UntranslatableError, InvalidInputError, RenderError: the caller's fault; SecretMissingError
 */
export function talkWith(worker: CallableWorker, request: InferenceRequest): Talk {
  const { call } = worker;
  const { task } = request;
  if (task !== null && !doesTask(worker.task, task))
    throw new UnsupportedTaskError(task, worker.modelName, worker.task);
  return call.kind === 'template' ? templateTalk(worker, call, request) : apiTalk(worker, call, request);
}
