import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { newFacts } from './request-facts.js';
import type { Metrics } from './metrics.js';

/** Paths that are asked all the time by machines and tell nothing while they succeed. */
const QUIET = /^\/(livez|readyz|health|metrics)$/;

/** One line a request, once it is over: facts only, never a prompt, an answer, a key or a query string. */
export function logRequests(server: FastifyInstance, logger: Logger, metrics: Metrics): void {
  server.addHook('onRequest', (request, _reply, done) => {
    request.facts = newFacts();
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    recordRequest(request, reply, logger, metrics);
    done();
  });
}

/** For requests that no hook sees, too. */
export function recordRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
  metrics: Metrics,
): void {
  const { facts } = request;
  const path = pathOf(request.url);
  const ms = reply.elapsedTime;
  if (facts.model !== null || facts.errorType !== null) metrics.observe(facts, ms / 1000);
  const level = QUIET.test(path) && reply.statusCode < 500 ? 'debug' : 'info';
  if (logger.isLevelEnabled(level)) {
    logger[level]({
      msg: 'request',
      request_id: request.id,
      method: request.method,
      path,
      status: reply.statusCode,
      ms: Math.round(ms * 10) / 10,
      ...(facts.model === null ? {} : { model: facts.model, attempts: facts.attempts }),
      ...(facts.workerId === null ? {} : { worker_id: facts.workerId }),
      ...(facts.upstreamMs === null ? {} : { upstream_ms: Math.round(facts.upstreamMs * 10) / 10 }),
      ...(facts.errorType === null ? {} : { error_type: facts.errorType }),
    });
  }
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}
