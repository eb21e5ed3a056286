import { SecretMissingError } from '../../credentials/worker-secrets.js';
import type { WorkerTask } from '../../registry/worker.js';
import { TemplateError } from '../../template/template-error.js';
import { UpstreamError } from '../../upstream/failure.js';
import type { InferenceRequest } from '../client/inference-request.js';
import { prepareApiCall } from './api-backend.js';
import type { CallTarget, PreparedCall } from './prepared-call.js';
import { prepareTemplateCall } from './template/backend.js';
import { supportsTask, UnsupportedTaskError } from '../chat/chat-errors.js';

/**
 * Renders the request for a worker. Pure: the request is never changed.
 * @throws UnsupportedTaskError, UnsupportedFieldError, InvalidInputError, RenderError: this worker cannot serve the request;
 *   UpstreamError secret_missing, bad_definition
 */
export function prepareCall(worker: CallTarget, request: InferenceRequest): PreparedCall {
  const { call } = worker;
  if (!canServe(worker, request))
    throw new UnsupportedTaskError(request.task ?? 'chat', worker.modelName, worker.task ?? 'chat');
  try {
    return call.kind === 'template'
      ? prepareTemplateCall(worker, call, request)
      : prepareApiCall(worker, call, request);
  } catch (error) {
    if (error instanceof SecretMissingError)
      throw new UpstreamError('secret_missing', error.message, { cause: error });
    if (error instanceof TemplateError)
      throw new UpstreamError('bad_definition', error.message, { cause: error });
    throw error;
  }
}

function canServe({ task, call }: CallTarget, { task: wanted, raw }: InferenceRequest): boolean {
  if (wanted !== null || raw !== null) return supportsTask(task, wanted);
  return task === null || task === 'chat' || (call.kind === 'template' && isMedia(task));
}

/** The native API has one call for text, image and video models: it answers with the text, or with a link to the rest. */
function isMedia(task: WorkerTask): boolean {
  return task === 'image' || task === 'video';
}
