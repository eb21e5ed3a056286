import type { ErrorType } from '../telemetry/error-type.js';
import type { InputFault } from '../input/input-errors.js';

/** An error as HTTP tells it, before it is put into an envelope. */
export interface Problem {
  readonly status: number;
  readonly errorType: ErrorType;
  /** OpenAI's `error.code`. */
  readonly code: string | null;
  readonly message: string;
  readonly details?: readonly InputFault[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** OpenAI's `error.type` goes by the status. */
export function openAiType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'api_error';
}
