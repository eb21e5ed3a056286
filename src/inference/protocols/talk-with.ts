import type { WorkerTask } from '../../registry/worker.js';
import { doesTask } from './does-task.js';
import type { InferenceRequest } from '../request/inference-request.js';
import { apiTalk } from './api-talk.js';
import { templateTalk } from './template-talk.js';
import type { CallableWorker, Talk } from './talk.js';
import { UnsupportedTaskError } from './unsupported-task-error.js';

/**
 * Renders the request for a worker. Pure, and the request itself is never changed.
 * @throws UnsupportedTaskError, UntranslatableError, InvalidInputError, RenderError: the caller's fault; SecretMissingError
 */
export function talkWith(worker: CallableWorker, request: InferenceRequest): Talk {
  const { call } = worker;
  if (!does(worker, request))
    throw new UnsupportedTaskError(request.task ?? 'chat', worker.modelName, worker.task);
  return call.kind === 'template' ? templateTalk(worker, call, request) : apiTalk(worker, call, request);
}

function does({ task, call }: CallableWorker, { task: wanted, raw }: InferenceRequest): boolean {
  if (wanted !== null || raw !== null) return doesTask(task, wanted);
  return task === 'chat' || (call.kind === 'template' && makes(task));
}

/** The seed has one call for its text, image and video models: the answer is the text, or what leads to the rest. */
function makes(task: WorkerTask): boolean {
  return task === 'image' || task === 'video';
}
