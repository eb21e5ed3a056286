import { InvalidInputError } from '../../input/input-errors.js';
import { UpstreamError } from '../../upstream/failure.js';
import type { InferenceRequest } from '../client/inference-request.js';
import { COUNT_TOKENS } from '../apis/endpoints.js';

export { UnsupportedFieldError } from '../../input/input-errors.js';

/** The answer of an upstream violates the protocol that its worker is registered with, or reports a failure. */
export class ProtocolError extends UpstreamError {
  constructor(message: string, options?: ErrorOptions) {
    super('bad_answer', message, options);
  }
}

/**
 * The request goes on with a thread of Anthropic's, which only the server that began it has. The client of Anthropic then
 * sends the whole chat again (`thread_not_found` in lib/internal/threads of @anthropic-ai/sdk).
 */
export class ThreadNotFoundError extends InvalidInputError {
  constructor() {
    super([{ field: 'thread', problem: 'is not known here: send the whole chat, as messages' }]);
  }
}

/** No worker is known to keep the response, or its server cannot give it out. */
export class ResponseNotFoundError extends Error {
  constructor(id: string, why: string) {
    super(`response(${id.slice(0, LONGEST_SHOWN)}) cannot be found: ${why}`);
    this.name = 'ResponseNotFoundError';
  }
}

const LONGEST_SHOWN = 100;

/** Also of what is kept out of the caller's reach. */
export const NOT_KEPT =
  'it is not known here. Only responses that passed through to a server with /v1/responses of its own are kept, for 30 days';

/** The request needs a task that the worker does not do. */
export class UnsupportedTaskError extends Error {
  constructor(
    wanted: string,
    model: string,
    does: string,
    remedy = 'use a model that does, or another endpoint',
  ) {
    super(`model(${model}) does ${does}, not ${wanted}: ${remedy}`);
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

const COUNTED_BY =
  'only workers with protocol "anthropic" count tokens; usage in an answer reports them, too';
