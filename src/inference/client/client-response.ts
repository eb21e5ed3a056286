import type { FastifyReply } from 'fastify';
import type { InferenceRequest } from './inference-request.js';
import type { RequestFacts } from '../../telemetry/request-facts.js';
import type { ChatEvent, ChatAnswer, Usage } from '../chat/chat.js';
import type { UpstreamRejectedError } from '../../upstream/upstream-errors.js';

/** Who was asked for a request that failed in the end. */
export function setAttemptHeaders(http: FastifyReply): FastifyReply {
  const { workerId, attempts } = http.request.facts;
  return workerId === null
    ? http
    : http.header('x-mmm-worker-id', workerId).header('x-mmm-attempts', attempts);
}

/** Tells, in the answer's headers and in the log, how it came to be. */
export function setResponseHeaders(
  http: FastifyReply,
  request: InferenceRequest,
  { model, workerId, attempts, upstreamMs }: AttemptFacts,
  isWhole: boolean,
): FastifyReply {
  const { facts } = http.request;
  // Unknown when the request came, and found since.
  facts.model ??= request.model;
  facts.workerId = workerId;
  facts.attempts = attempts;
  facts.upstreamMs = upstreamMs;
  // A name may hold what a header can't.
  if (model !== request.model) http.header('x-mmm-model', encodeURI(model));
  http.header('x-mmm-worker-id', workerId).header('x-mmm-attempts', attempts);
  if (!isWhole) return http;
  return http
    .header('x-mmm-upstream-ms', upstreamMs.toFixed(1))
    .header('x-mmm-overhead-ms', Math.max(0, http.elapsedTime - upstreamMs).toFixed(1));
}

/** Of every answer of ours that is JSON. */
export const JSON_TYPE = 'application/json; charset=utf-8';

/** For the log and the metrics: what a request took, where the upstream tells. */
export function recordUsage(
  facts: Pick<RequestFacts, 'inputTokens' | 'outputTokens'>,
  usage: Usage | null,
): void {
  if (usage === null) return;
  facts.inputTokens = usage.input;
  facts.outputTokens = usage.output;
}

/** The head of an answer that a worker refused. Others were asked already, where that helps. */
export function setRejectionHeaders(
  http: FastifyReply,
  { status, retryAfterMs, failure }: UpstreamRejectedError,
): FastifyReply {
  http.request.facts.errorType = failure.errorType;
  if (retryAfterMs !== null) http.header('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  return setAttemptHeaders(http).code(status).header('x-should-retry', 'false').type(JSON_TYPE);
}

/** What an answer's headers tell about how it came to be. */
export interface AttemptFacts {
  readonly workerId: string;
  /** The model that answered: the one that was asked for, or a fallback of it. */
  readonly model: string;
  /** Workers that were asked, the one that answered included. */
  readonly attempts: number;
  /** The upstream's share of the time so far. */
  readonly upstreamMs: number;
}

/** An answer that goes back piece by piece. Ended or failed once, last. */
export interface ResponseStream {
  /** @returns false: the caller is slow; no more until `resume` was called */
  event(event: ChatEvent): boolean;
  end(): void;
  /** It broke off, and the caller must see that it did. */
  fail(error: unknown): void;
}

/** How an answer goes back to the caller, in the manner of the API he used. */
export interface ClientResponse {
  /** Something of an answer was sent: nobody else may answer now. */
  readonly committed: boolean;
  /** The caller wants it in pieces. */
  readonly wantsStream: boolean;
  /** An answer that came whole, in pieces too if the caller wants them. @throws ProtocolError for one that is none of the kind */
  send(answer: ChatAnswer, facts: AttemptFacts): void;
  /** @param resume called when the caller can take more */
  startStream(facts: AttemptFacts, resume: () => void): ResponseStream;
  /** Tells the caller, in the words of his API, why a worker refused. @returns false: it is not his to hear */
  reject?(error: UpstreamRejectedError, message: string): boolean;
}
