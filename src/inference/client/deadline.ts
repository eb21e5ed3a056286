import type { IncomingHttpHeaders } from 'node:http';
import { InvalidInputError } from '../../input/input-errors.js';

/** How long the caller waits, in milliseconds from when it is read; travels on to the worker. */
export const TIMEOUT_HEADER = 'x-request-timeout-ms';
/** The longest a timer can wait (2^31 - 1 ms). */
const LONGEST_MS = 2_147_483_647;

/** When a request must be done, on the clock of `performance.now()`. */
export interface Deadline {
  readonly arrivedMs: number;
  /** The caller set it, and it travels on to the worker. */
  readonly clientSetDeadline: boolean;
  /** The whole of it must be done by then, unless the worker that is asked has a longer time of its own. */
  readonly deadlineMs: number;
  /** However long a worker may take, the caller waits no longer. */
  readonly latestMs: number;
}

/** @param longestMs where the caller says nothing, and the most he can ask for @throws InvalidInputError naming the header */
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

/** When a call of a worker must be done that may take `ownMs`; `null`: it says nothing of its own. */
export function attemptDeadlineMs(
  { arrivedMs, deadlineMs, latestMs }: Deadline,
  ownMs: number | null,
): number {
  return ownMs === null ? deadlineMs : Math.min(latestMs, Math.max(deadlineMs, arrivedMs + ownMs));
}

/** What the caller says, `undefined` if he says nothing. @throws InvalidInputError naming the header */
function clientTimeoutMs(headers: IncomingHttpHeaders): number | undefined {
  const given = headers[TIMEOUT_HEADER];
  if (given === undefined) return undefined;
  const ms = typeof given === 'string' && /^\d{1,10}$/.test(given) ? Number(given) : 0;
  if (ms >= 1 && ms <= LONGEST_MS) return ms;
  throw new InvalidInputError([
    { field: TIMEOUT_HEADER, problem: `must be a whole number of milliseconds from 1 to ${LONGEST_MS}` },
  ]);
}
