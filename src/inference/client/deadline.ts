import type { IncomingHttpHeaders } from 'node:http';
import { InvalidInputError } from '../../input/input-errors.js';

/** How long the client waits, in milliseconds from the arrival of the request; forwarded to the worker. */
export const TIMEOUT_HEADER = 'x-request-timeout-ms';

/** The longest a timer can wait (2^31 - 1 ms). */
const LONGEST_MS = 2147483647;

/** When a request must be complete, on the clock of `performance.now()`. */
export interface Deadline {
  readonly arrivedMs: number;
  /** The client set the deadline, which is forwarded to the worker. */
  readonly clientSetDeadline: boolean;
  /** The request must be complete by then, unless the worker has a longer timeout of its own. */
  readonly deadlineMs: number;
  /** The client waits no longer, whatever the worker's timeout. */
  readonly latestMs: number;
}

/** @param longestMs the default, and the longest timeout a client can set @throws InvalidInputError naming the header */
export function deadlineOf(headers: IncomingHttpHeaders, longestMs: number): Deadline {
  const timeoutMs = clientTimeoutMs(headers);
  const arrivedMs = performance.now();
  return {
    arrivedMs,
    clientSetDeadline: timeoutMs !== undefined,
    deadlineMs: arrivedMs + Math.min(timeoutMs ?? longestMs, longestMs),
    latestMs: arrivedMs + (timeoutMs ?? Infinity),
  };
}

/** When a call must be complete at a worker with the timeout `ownMs`; `null`: it has none of its own. */
export function attemptDeadlineMs(
  { arrivedMs, deadlineMs, latestMs }: Deadline,
  ownMs: number | null,
): number {
  return ownMs === null ? deadlineMs : Math.min(latestMs, Math.max(deadlineMs, arrivedMs + ownMs));
}

/** The client's timeout; `undefined` without the header. @throws InvalidInputError naming the header */
function clientTimeoutMs(headers: IncomingHttpHeaders): number | undefined {
  const given = headers[TIMEOUT_HEADER];
  if (given === undefined) return undefined;
  const ms = typeof given === 'string' && /^\d{1,10}$/.test(given) ? Number(given) : 0;
  if (ms >= 1 && ms <= LONGEST_MS) return ms;
  throw new InvalidInputError([
    { field: TIMEOUT_HEADER, problem: `must be a whole number of milliseconds from 1 to ${LONGEST_MS}` },
  ]);
}
