import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { anthropicError } from '../inference/apis/anthropic/anthropic-error.js';
import { isOpenAiChat } from '../inference/chat/parse-chat.js';
import { isNativePath, openAiEnvelope, nativeEnvelope, speaksAnthropic } from './envelopes.js';
import { NO_SUCH_PATH, type Problem, problemOf } from './problem.js';
import { wrongPathMessage } from './wrong-path.js';
import { mayClientRetry } from '../upstream/failure.js';
import { hasUnreadBody, drainBody } from './unread-requests.js';

/** Answers every error, in the envelope of the API that was called. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  /** Adds headers that every answer to this request has. */
  describe: (request: FastifyRequest, reply: FastifyReply) => void = () => {};
  private readonly logger = new Logger('Http');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const path = pathOf(request.url);
    const problem = this.explain(problemOf(error), path, request);
    request.facts.errorType = problem.errorType;
    request.facts.errorDetail = problem.detail ?? null;
    request.facts.isRejected = problem.failure?.verdict === 'client_fault';
    if (problem.status >= 500 && problem.errorType === 'manager_internal') this.logger.error(error);
    if (reply.sent || reply.raw.headersSent) return request.held?.fail(problem);
    if (speaksAnthropic(path, request.headers)) reply.header('request-id', request.id);
    this.describe(request, reply);
    const { workerId, attempts } = request.facts;
    if (workerId !== null) reply.header('x-mmm-worker-id', workerId).header('x-mmm-attempts', attempts);
    for (const [name, value] of Object.entries(problem.headers ?? {})) reply.header(name, value);
    // Where other workers were tried, a client's retry would only repeat that. [openai-node, x-should-retry]
    const { failure } = problem;
    if (
      problem.errorType.startsWith('worker_') &&
      (failure === undefined || !mayClientRetry(failure, attempts))
    )
      reply.header('x-should-retry', 'false');
    if (hasUnreadBody(request.raw)) {
      // Fastify would close the connection here, with the rest of the body unread.
      reply.removeHeader('connection');
      drainBody(request.raw);
    }
    reply
      .code(problem.status)
      .type('application/json; charset=utf-8')
      .send(JSON.stringify(envelopeOf(problem, path, request)));
  }

  /** Adds what only the server knows. An existing path with another method is 405, not 404. */
  private explain(problem: Problem, path: string, { method, server, headers }: FastifyRequest): Problem {
    if (problem.status === 413) {
      const message = `the body must have at most ${server.initialConfig.bodyLimit} bytes (MAX_BODY_BYTES)`;
      return { ...problem, message };
    }
    if (problem.errorType !== 'caller_not_found' || problem.status !== 404) return problem;
    const allowed = allowedMethods(server, path);
    if (allowed.length === 0 && problem.message === NO_SUCH_PATH)
      return { ...problem, message: wrongPathMessage(path, originOf(headers)) };
    if (allowed.length === 0 || allowed.includes(method)) return problem;
    return {
      status: 405,
      errorType: 'caller_method_not_allowed',
      code: null,
      message: `${path} takes ${allowed.join(', ')}, not ${method}`,
      headers: { allow: allowed.join(', ') },
    };
  }
}

/** In the format of the API that was called. */
function envelopeOf(problem: Problem, path: string, { body, headers, id }: FastifyRequest): object {
  if (speaksAnthropic(path, headers))
    return anthropicError(problem.status, problem.message, id, problem.code);
  return isNativePath(path) && !isOpenAiChat(body) ? nativeEnvelope(problem) : openAiEnvelope(problem);
}

/** Behind a proxy that ends TLS, as its client wrote it. */
function originOf({ host = '', 'x-forwarded-proto': scheme }: FastifyRequest['headers']): string {
  return `${scheme === 'https' ? 'https' : 'http'}://${host}`;
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

interface KnownRoute {
  readonly method: string;
  readonly url: string;
  readonly pattern: RegExp;
}

/** What paths of a route end with whose wildcard, the name of a model, stands before that; Fastify has no such routes. */
const ENDINGS: Readonly<Record<string, string>> = { 'POST /api/v1/models/*': '/explain' };

const known = new WeakMap<object, KnownRoute[]>();

/** Call before any route is made. */
export function rememberRoutes(server: FastifyInstance): void {
  const routes: KnownRoute[] = [];
  known.set(server.server, routes);
  server.addHook('onRoute', ({ method, url }) => {
    // Catch-all routes for the assets of pages are not listed.
    if (url.includes('*') && !url.startsWith('/api/')) return;
    const literal = url.replaceAll(/[.]/g, '\\.').replaceAll(/:[^/]+/g, '[^/]+');
    for (const one of Array.isArray(method) ? method : [method]) {
      const ending = ENDINGS[`${one} ${url}`] ?? '';
      routes.push({ method: one, url, pattern: new RegExp(`^${literal.replaceAll('*', '.+')}${ending}$`) });
    }
  });
}

/** The methods of this path; none: the path does not exist. A literal path, such as /dry-run, is not an {id}. */
function allowedMethods(server: FastifyInstance, path: string): readonly string[] {
  const routes = known.get(server.server) ?? [];
  const literal = routes.filter(({ url }) => url === path);
  const matching = literal.length > 0 ? literal : routes.filter(({ pattern }) => pattern.test(path));
  return [...new Set(matching.map(({ method }) => method))];
}
