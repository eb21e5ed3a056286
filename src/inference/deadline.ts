import type { IncomingHttpHeaders } from 'node:http';
import type { InferenceRequest } from './inference-request.js';
import { InvalidInputError } from '../input/invalid-input-error.js';

/** How long the caller waits, in milliseconds from when it is read; travels on to the worker. */
export const TIMEOUT_HEADER = 'x-request-timeout-ms';
/** The longest a timer can wait (2^31 - 1 ms). */
const LONGEST_MS = 2_147_483_647;

/** When a request that came just now must be done, at most `longestMs` from now. @throws InvalidInputError naming the header */
export function deadlineOf(
  headers: IncomingHttpHeaders,
  longestMs: number,
): Pick<InferenceRequest, 'deadlineMs' | 'deadlineIsCallers'> {
  const timeoutMs = callerTimeoutMs(headers);
  return {
    deadlineIsCallers: timeoutMs !== undefined,
    deadlineMs: performance.now() + Math.min(timeoutMs ?? longestMs, longestMs),
  };
}

/** What the caller says, `undefined` if he says nothing. @throws InvalidInputError naming the header */
function callerTimeoutMs(headers: IncomingHttpHeaders): number | undefined {
  const given = headers[TIMEOUT_HEADER];
  if (given === undefined) return undefined;
  const ms = typeof given === 'string' && /^\d{1,10}$/.test(given) ? Number(given) : 0;
  if (ms >= 1 && ms <= LONGEST_MS) return ms;
  throw new InvalidInputError([
    { field: TIMEOUT_HEADER, problem: `must be a whole number of milliseconds from 1 to ${LONGEST_MS}` },
  ]);
}
