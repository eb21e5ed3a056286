import { UnsuccessfulAnswerError } from '../registry/registry-errors.js';
import { ExtractError } from '../template/response-extract.js';
import { NeutralError } from '../upstream/upstream-errors.js';
import { UpstreamError } from '../upstream/upstream-errors.js';
import { UpstreamStatusError } from '../upstream/upstream-errors.js';

/** What an error tells of the worker that was asked. */
export function resultOf(error: unknown): RequestResult {
  if (error instanceof NeutralError) return { kind: 'neutral' };
  if (error instanceof UpstreamStatusError) return resultOfStatus(error);
  if (error instanceof UpstreamError) return resultOfExchange(error);
  if (error instanceof ExtractError || error instanceof UnsuccessfulAnswerError) return { kind: 'failure' };
  // It was never asked: the caller's value did not fit, a secret is missing, or the fault is our own.
  return { kind: 'neutral' };
}

function resultOfStatus({ status, retryAfterMs }: UpstreamStatusError): RequestResult {
  // Anthropic is overloaded, and up: https://platform.claude.com/docs/en/api/errors
  if (status === 529) return { kind: 'throttled', retryAfterMs };
  if (status === 429 || (status === 503 && retryAfterMs !== null)) return { kind: 'throttled', retryAfterMs };
  if (status === 401 || status === 402) return { kind: 'credentials' };
  if (status === 403) return { kind: 'access_denied' };
  return { kind: status >= 400 && status < 500 ? 'caller_fault' : 'failure' };
}

function resultOfExchange(error: UpstreamError): RequestResult {
  switch (error.kind) {
    case 'connect':
    case 'forbidden':
      return { kind: 'connect_error' };
    case 'timeout':
      if (error.during === 'connect') return { kind: 'connect_error' };
      return { kind: error.during === 'total' ? 'timeout' : 'failure' };
    case 'closed_before_answer':
      // A connection kept too long says nothing of the server behind it.
      return { kind: error.reusedConnection ? 'neutral' : 'failure' };
    case 'broken':
      return { kind: 'failure' };
    case 'malformed':
      return { kind: error.answerBegan ? 'failure' : 'neutral' };
    case 'too_large':
      return { kind: 'caller_fault' };
    case 'aborted':
      return { kind: 'neutral' };
  }
}

/** How a request ended, as far as it tells something about its worker. */
export type RequestResult =
  | {
      readonly kind: 'success';
      readonly durationMs: number;
      /** Of output: tokens where the worker reports them, else bytes ÷ 4; 0: unknown. */
      readonly units: number;
    }
  | { readonly kind: 'connect_error' }
  /** 5xx, a malformed answer or one that says it failed, closed or broken, a stream that went silent. */
  | { readonly kind: 'failure' }
  /** An answer that is not streamed took too long: it may only have been a long one. */
  | { readonly kind: 'timeout' }
  /** 429, or 503 with `Retry-After`. */
  | { readonly kind: 'throttled'; readonly retryAfterMs: number | null }
  /** 400, 404, 422 and the like: it was reached, and the caller asked for what it can't do. */
  | { readonly kind: 'caller_fault' }
  /** 401, 402: the worker rejects our credentials, whatever the request. */
  | { readonly kind: 'credentials' }
  /** 403: our credentials, or a prompt that some providers refuse to serve. */
  | { readonly kind: 'access_denied' }
  /** The caller hung up, or we failed before the worker was asked. */
  | { readonly kind: 'neutral' };
