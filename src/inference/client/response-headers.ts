import type { FastifyReply } from 'fastify';
import type { Priority } from '../../config/balancing-settings.js';
import type { RequestFacts } from '../../telemetry/request-facts.js';
import type { AnswerHeaders } from '../../upstream/headers.js';
import { shownFields } from '../adapt/ignored-fields.js';
import { PRIORITY_HEADER } from './request-headers.js';

/** Whole seconds for all clients, and the fraction for those of OpenAI and Anthropic, which read it first. */
export function setRetryAfter(http: FastifyReply, ms: number): void {
  http.header('retry-after', String(Math.ceil(ms / 1000)));
  if (ms % 1000 !== 0) http.header('retry-after-ms', String(Math.ceil(ms)));
}

/** Headers of an upstream that are meant for the client; by `request-id` Anthropic knows the answer. */
const FORWARDED =
  /^(content-type|content-disposition|retry-after|retry-after-ms|x-ratelimit-.+|openai-.+|anthropic-ratelimit-.+|request-id)$/;
/** A client that sees the limits of its own key must not take the upstream's for them. */
const FORWARDED_BESIDE_LIMITS =
  /^(content-type|content-disposition|retry-after|retry-after-ms|openai-.+|request-id)$/;

export function copyHeaders(http: FastifyReply, headers: AnswerHeaders): void {
  const forwarded = http.request.showsLimits ? FORWARDED_BESIDE_LIMITS : FORWARDED;
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && forwarded.test(name)) http.header(name, value);
  }
}

/** The class that held. */
export function showClass(http: FastifyReply, priority: Priority): void {
  http.header(PRIORITY_HEADER, priority);
}

/** How long a request waited in queues, and for a worker that was asleep, if it did; of bulk, how often it was cut. */
export function showWait(
  http: FastifyReply,
  priority: Priority,
  { queueMs, wokeMs, cuts }: Pick<RequestFacts, 'queueMs' | 'wokeMs' | 'cuts'>,
): void {
  if (queueMs !== null) http.header('x-mmm-queue-ms', Math.round(queueMs));
  if (wokeMs !== null) http.header('x-mmm-woke-ms', Math.round(wokeMs));
  if (priority === 'bulk') http.header('x-mmm-cuts', cuts);
}

/** Names the fields of a request that were left out. */
export function showIgnored(http: FastifyReply, ignored: readonly string[]): void {
  const names = shownFields(ignored);
  if (names !== '') http.header('x-mmm-ignored', names);
}
