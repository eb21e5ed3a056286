import { failureOf } from '../upstream/failure.js';
import { UpstreamRejectedError } from '../upstream/upstream-errors.js';

/** What an error says about the worker, by the table of `upstream/failure.ts`. */
export function resultOf(error: unknown): RequestResult {
  const kind = failureOf(error)?.verdict ?? 'neutral';
  if (kind !== 'throttled') return { kind };
  return { kind, retryAfterMs: error instanceof UpstreamRejectedError ? error.retryAfterMs : null };
}

/** How a request ended, as far as it says something about its worker. */
export type RequestResult =
  | {
      readonly kind: 'success';
      readonly durationMs: number;
      /** Output tokens where the worker reports them, else bytes ÷ 4; 0: unknown. */
      readonly units: number;
    }
  | { readonly kind: 'connect_error' }
  /** 5xx, an answer that is malformed or reports a failure, a connection closed or broken, a silent stream. */
  | { readonly kind: 'failure' }
  /** An answer that is not streamed took too long; it may only have been a long one. */
  | { readonly kind: 'timeout' }
  /** 429, or 503 with `Retry-After`. */
  | { readonly kind: 'throttled'; readonly retryAfterMs: number | null }
  /** 400, 422 and the like: the worker was reached, and the request is not valid for it. */
  | { readonly kind: 'client_fault' }
  /** 404 and the like: the worker does not have the model, unless the others do not have it, too. */
  | { readonly kind: 'not_found' }
  /** 401, 402: the worker rejects our credentials, whatever the request. */
  | { readonly kind: 'credentials' }
  /** 403: our credentials, or a prompt that some providers refuse to serve. */
  | { readonly kind: 'access_denied' }
  /** The client disconnected, or the request failed before the worker was called. */
  | { readonly kind: 'neutral' };
