import { streamFailureOf } from '../../streams/stream-failure.js';

/** OpenAI's `error.type` depends on the status. */
function openAiType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'api_error';
}

interface OpenAiError {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

/** OpenAI's envelope: https://platform.openai.com/docs/guides/error-codes/api-errors */
export function openAiError(
  status: number,
  message: string,
  code: string | null,
  param: string | null = null,
): OpenAiError {
  return { error: { message, type: openAiType(status), param, code } };
}

/** Ends a broken stream, so that the client does not take it for complete. */
export function openAiErrorEvent(error: unknown): string {
  const { status, message, code } = streamFailureOf(error);
  return `data: ${JSON.stringify(openAiError(status, message, code))}\n\n`;
}
