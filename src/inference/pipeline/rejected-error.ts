import type { AnswerHeaders } from '../../upstream/headers.js';
import { type Exposed, UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import type { PreparedCall } from '../apis/prepared-call.js';

/** Statuses that the client can act on: it gets the worker's message. */
const CLIENT_STATUSES: ReadonlySet<number> = new Set([400, 413, 422, 429]);

/** The error of a response with a status other than 2xx, with the part of it that the client may see. */
export function rejectionOf(
  prepared: PreparedCall,
  { status, headers }: { readonly status: number; readonly headers: AnswerHeaders },
  bytes: Buffer,
): UpstreamRejectedError {
  const retryAfter = headers['retry-after'];
  return new UpstreamRejectedError(
    status,
    typeof retryAfter === 'string' ? retryAfter : undefined,
    exposedOf(prepared, status, headers, bytes),
  );
}

function exposedOf(prepared: PreparedCall, status: number, headers: AnswerHeaders, bytes: Buffer): Exposed {
  // Our credentials and redirects stay between the worker and the manager.
  if (prepared.mode === 'pass')
    return status < 400 || (status >= 401 && status <= 403) ? null : { headers, bytes };
  if (!CLIENT_STATUSES.has(status)) return null;
  const message = prepared.refusal?.(bytes.toString());
  return message === undefined ? null : { message };
}
