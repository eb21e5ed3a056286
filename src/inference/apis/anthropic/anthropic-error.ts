import type { JsonObject } from '../../../input/json.js';

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
export function anthropicError(status: number, message: string, requestId: string): JsonObject {
  const type = TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  return { type: 'error', error: { type, message }, request_id: requestId };
}

const BAD_GATEWAY = 502;

/** Ends a broken stream, so that the client does not take it for complete. */
export function anthropicErrorEvent(error: unknown, requestId: string): string {
  const message = error instanceof Error ? error.message : String(error);
  const body = anthropicError(BAD_GATEWAY, `worker execute error: ${message}`, requestId);
  return `event: error\ndata: ${JSON.stringify(body)}\n\n`;
}
