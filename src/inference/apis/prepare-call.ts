import type { WorkerTask } from '../../registry/worker.js';
import { UnsupportedTaskError, supportsTask } from './unsupported-task-error.js';
import type { InferenceRequest } from '../client/inference-request.js';
import { prepareApiCall } from './api-backend.js';
import { prepareTemplateCall } from './template/backend.js';
import type { CallableWorker, PreparedCall } from './prepared-call.js';

/**
 * Renders the request for a worker. Pure, and the request itself is never changed.
 * @throws UnsupportedTaskError, UnsupportedFieldError, InvalidInputError, RenderError: the caller's fault; SecretMissingError
 */
export function prepareCall(worker: CallableWorker, request: InferenceRequest): PreparedCall {
  const { call } = worker;
  if (!does(worker, request))
    throw new UnsupportedTaskError(request.task ?? 'chat', worker.modelName, worker.task ?? 'chat');
  return call.kind === 'template'
    ? prepareTemplateCall(worker, call, request)
    : prepareApiCall(worker, call, request);
}

function does({ task, call }: CallableWorker, { task: wanted, raw }: InferenceRequest): boolean {
  if (wanted !== null || raw !== null) return supportsTask(task, wanted);
  return task === null || task === 'chat' || (call.kind === 'template' && makes(task));
}

/** The seed has one call for its text, image and video models: the answer is the text, or what leads to the rest. */
function makes(task: WorkerTask): boolean {
  return task === 'image' || task === 'video';
}
