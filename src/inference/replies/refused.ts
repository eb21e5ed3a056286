import type { FastifyReply } from 'fastify';
import type { RefusedError } from '../walk/refused-error.js';
import { tellAsked } from './answer-headers.js';
import { JSON_TYPE } from './json-type.js';

/** The head of an answer that a worker refused. Others were asked already, where that helps. */
export function refused(http: FastifyReply, { status, retryAfterMs }: RefusedError): FastifyReply {
  http.request.facts.errorType = 'worker_error';
  if (retryAfterMs !== null) http.header('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  return tellAsked(http).code(status).header('x-should-retry', 'false').type(JSON_TYPE);
}
