import type { JsonObject } from '../../../input/json.js';
import type { Rejection } from '../../client/response-format.js';
import { ANTHROPIC_FIELDS, wordsFor } from '../../client/field-names.js';
import { streamFailureOf } from '../../streams/stream-failure.js';

/** https://platform.claude.com/docs/en/api/errors, and `ErrorType` of @anthropic-ai/sdk. */
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  // Anthropic uses 529 where others use 503.
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** The error envelope of Anthropic, in answers and in streams. */
export function anthropicError(
  status: number,
  message: string,
  requestId: string,
  code: string | null = null,
): JsonObject {
  const type = TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  // Its client reads the codes of threads only.
  const details = code?.startsWith('thread_') === true ? { details: { error_code: code } } : {};
  return { type: 'error', error: { type, message, ...details }, request_id: requestId };
}

/** Clients act on these words: @anthropic-ai/sdk and Claude Code shorten the chat when a message begins so. */
const TOO_LONG = 'prompt is too long';

/** The envelope for a worker's rejection. */
export function anthropicRejection(
  { status, message, isTooLong }: Omit<Rejection, 'code'>,
  requestId: string,
): JsonObject {
  const text = isTooLong && !message.startsWith(TOO_LONG) ? `${TOO_LONG}: ${message}` : message;
  return anthropicError(status, text, requestId);
}

/** Ends a broken stream, so that the client does not take it for complete. */
export function anthropicErrorEvent(error: unknown, requestId: string): string {
  const failure = streamFailureOf(error);
  const message = wordsFor(ANTHROPIC_FIELDS, failure.message);
  const body = anthropicRejection({ ...failure, message }, requestId);
  return `event: error\ndata: ${JSON.stringify(body)}\n\n`;
}
