import type { AnswerHeaders } from '../../upstream/upstream-errors.js';
import { UpstreamStatusError } from '../../upstream/upstream-errors.js';
import type { PreparedCall } from '../apis/prepared-call.js';

/** A worker whose API is translated refused, and says why: so much of it is for the caller. */
export class UpstreamRejectedError extends UpstreamStatusError {
  constructor(
    status: number,
    retryAfter: string | undefined,
    readonly said: string,
  ) {
    super(status, retryAfter);
  }
}

/** What the caller can mend, or wait for. All else is between the worker and us. */
const CALLERS: ReadonlySet<number> = new Set([400, 413, 422, 429]);

/** An answer with a status that is no success, as what the caller may hear of it. */
export function rejectionOf(
  talk: PreparedCall,
  { status, headers }: { readonly status: number; readonly headers: AnswerHeaders },
  bytes: Buffer,
): UpstreamStatusError {
  const told = headers['retry-after'];
  const retryAfter = typeof told === 'string' ? told : undefined;
  if (talk.mode === 'pass') return new UpstreamStatusError(status, retryAfter, { headers, bytes });
  const said = CALLERS.has(status) ? talk.refusal?.(bytes.toString()) : undefined;
  return said === undefined
    ? new UpstreamStatusError(status, retryAfter)
    : new UpstreamRejectedError(status, retryAfter, said);
}
