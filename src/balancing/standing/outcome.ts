/** How a request ended, as far as it tells something about its worker. */
export type Outcome =
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
  | { readonly kind: 'busy'; readonly retryAfterMs: number | null }
  /** 400, 404, 422 and the like: it was reached, and the caller asked for what it can't do. */
  | { readonly kind: 'caller_fault' }
  /** 401, 402, 403: it does not accept what we present. */
  | { readonly kind: 'credentials' }
  /** The caller hung up, or we failed before the worker was asked. */
  | { readonly kind: 'no_verdict' };
