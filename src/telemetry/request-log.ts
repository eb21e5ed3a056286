import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Metrics } from './metrics.js';
import { plainLines } from './log-lines.js';
import { newFacts } from './request-facts.js';

/** Paths that are asked all the time by machines and tell nothing while they succeed. */
const QUIET = /^\/(livez|readyz|health|metrics)$/;

/** nginx's status for a caller that hung up. */
const CALLER_GONE = 499;

/** One line a request, once it is over: facts only, never a prompt, an answer, a key or a query string. */
export class RequestLog {
  private readonly info: (fields: string) => void;
  private readonly debug: (fields: string) => void;

  constructor(
    logger: Logger,
    private readonly metrics: Metrics,
  ) {
    this.info = plainLines(logger, 'info');
    this.debug = plainLines(logger, 'debug');
  }

  /** Of every request that comes to a route. */
  follow(server: FastifyInstance): void {
    server.decorateRequest('facts');
    server.addHook('onRequest', (request, reply, done) => {
      this.begin(request, reply);
      done();
    });
  }

  /** For requests that no hook sees, too. Fastify's onResponse would not tell of those whose caller hung up. */
  begin(request: FastifyRequest, reply: FastifyReply): void {
    request.facts = newFacts();
    reply.raw.on('close', () => this.record(request, reply));
  }

  private record(request: FastifyRequest, reply: FastifyReply): void {
    const { facts } = request;
    // What is cut off from this side, since its worker broke off, was not left by its caller.
    if (!reply.raw.writableFinished) facts.errorType ??= 'caller_gone';
    const status = facts.errorType === 'caller_gone' ? CALLER_GONE : reply.statusCode;
    const path = pathOf(request.url);
    const ms = reply.elapsedTime;
    if (facts.model !== null || facts.errorType !== null) this.metrics.observe(facts, ms / 1000);
    const write = QUIET.test(path) && status < 500 ? this.debug : this.info;
    // Quoted by hand where nothing can need an escape: methods, UUIDs and our own words.
    let fields = `"msg":"request","request_id":${json(request.id)},"method":"${request.method}","path":${json(path)},"status":${status},"ms":${tenths(ms)}`;
    if (facts.model !== null) fields += `,"model":${json(facts.model)},"attempts":${facts.attempts}`;
    if (facts.workerId !== null) fields += `,"worker_id":"${facts.workerId}"`;
    if (facts.upstreamMs !== null) fields += `,"upstream_ms":${tenths(facts.upstreamMs)}`;
    if (facts.firstEventMs !== null) fields += `,"first_event_ms":${tenths(facts.firstEventMs)}`;
    if (facts.inputTokens !== null) fields += `,"input_tokens":${facts.inputTokens}`;
    if (facts.outputTokens !== null) fields += `,"output_tokens":${facts.outputTokens}`;
    if (facts.errorType !== null) fields += `,"error_type":"${facts.errorType}"`;
    write(fields);
  }
}

function json(text: string): string {
  return JSON.stringify(text);
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}
