import type { FastifyReply } from 'fastify';
import type { InferenceRequest } from '../request/inference-request.js';
import type { AnswerFacts } from './reply.js';

/** Who was asked for a request that failed in the end. */
export function tellAsked(http: FastifyReply): FastifyReply {
  const { workerId, attempts } = http.request.facts;
  return workerId === null
    ? http
    : http.header('x-mmm-worker-id', workerId).header('x-mmm-attempts', attempts);
}

/** Tells, in the answer's headers and in the log, how it came to be. */
export function tell(
  http: FastifyReply,
  request: InferenceRequest,
  { model, workerId, attempts, upstreamMs }: AnswerFacts,
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
