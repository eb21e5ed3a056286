import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { PRIORITIES, type Priority, rankOf } from '../../config/balancing-settings.js';
import { InvalidInputError } from '../../input/input-errors.js';
import type { ForwardedHeaders } from '../../registry/worker.js';

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

/** In a request: the class that the client wants. In an answer: the class that held. */
export const PRIORITY_HEADER = 'x-mmm-priority';

/** What says the class of a request; `null` and `undefined`: it says nothing. */
export interface PrioritySources {
  /** The request header. */
  readonly header: Priority | null;
  /** `service_tier` of the body. */
  readonly serviceTier: unknown;
  readonly key: Priority | null;
  readonly model: Priority | null;
  /** The highest that the team may have. */
  readonly highest: Priority;
}

/** The first that is given, else `default`; never above the highest. */
export function classOf({ header, serviceTier, key, model, highest }: PrioritySources): Priority {
  const wanted = header ?? ofServiceTier(serviceTier) ?? key ?? model ?? 'default';
  return rankOf(wanted) < rankOf(highest) ? highest : wanted;
}

/**
 * OpenAI's and Groq's words. `auto` leaves the choice to the account, here to key and model; every other value is ordinary work:
 * https://platform.openai.com/docs/api-reference/chat/create, https://console.groq.com/docs/service-tiers
 */
function ofServiceTier(tier: unknown): Priority | null {
  if (tier === undefined || tier === null || tier === 'auto') return null;
  if (tier === 'priority') return 'interactive';
  return tier === 'flex' ? 'bulk' : 'default';
}

/** `null`: the client says nothing. @throws InvalidInputError naming the header */
export function priorityHeaderOf(headers: IncomingHttpHeaders): Priority | null {
  const given = headers[PRIORITY_HEADER];
  if (given === undefined) return null;
  const known = PRIORITIES.find((priority) => priority === given);
  if (known !== undefined) return known;
  const problem = `must be one of ${PRIORITIES.join(', ')}`;
  throw new InvalidInputError([{ field: PRIORITY_HEADER, problem }]);
}

/** The client's headers that are forwarded to a worker; never its key. */
export function forwardedHeadersOf(http: FastifyRequest): ForwardedHeaders {
  const { traceparent } = http.headers;
  return typeof traceparent === 'string'
    ? { 'x-request-id': http.id, traceparent }
    : { 'x-request-id': http.id };
}

/** With the value `stream`: a stream may begin with comments, before it is known whether an answer comes. */
export const HOLD_HEADER = 'x-mmm-hold';

/** @throws InvalidInputError naming the header */
export function wantsHold(headers: IncomingHttpHeaders): boolean {
  const given = headers[HOLD_HEADER];
  if (given === undefined || given === 'stream') return given !== undefined;
  throw new InvalidInputError([{ field: HOLD_HEADER, problem: 'must be stream' }]);
}
