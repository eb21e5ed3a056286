import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Metrics } from './metrics.js';
import { plainLines, quoted } from './log-lines.js';
import { newFacts } from './request-facts.js';

/** Paths that machines call all the time, logged only when they fail. */
const QUIET = /^\/(livez|readyz|health|metrics)$/;

const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-|$)/;

/** nginx's status for a client that disconnected. */
const CLIENT_DISCONNECTED = 499;

/** Writes one line per finished request: facts only, never a prompt, an answer, a key or a query string. */
export class RequestLog {
  private readonly info: (fields: string) => void;
  private readonly debug: (fields: string) => void;

  constructor(
    logger: Logger,
    private readonly metrics: Metrics,
    /** Called when the response is closed and the call has ended. */
    private readonly ended: (request: FastifyRequest) => void = () => {},
    /** Called when the response is closed, before `ended`. A listener of each response for itself costs more. */
    private readonly closed: (request: FastifyRequest) => void = () => {},
  ) {
    this.info = plainLines(logger, 'info');
    this.debug = plainLines(logger, 'debug');
  }

  /** Logs every request that reaches a route. */
  follow(server: FastifyInstance): void {
    server.decorateRequest('facts');
    server.addHook('onRequest', (request, reply, done) => {
      this.begin(request, reply);
      done();
    });
  }

  /** Also for requests without hooks. Fastify's onResponse is not called if the client disconnects. */
  begin(request: FastifyRequest, reply: FastifyReply): void {
    request.facts = newFacts();
    reply.raw.on('close', () => this.record(request, reply));
  }

  private record(request: FastifyRequest, reply: FastifyReply): void {
    const { facts } = request;
    this.closed(request);
    // The service itself closes the response if its worker broke off: the client did not disconnect.
    if (!reply.raw.writableFinished) facts.errorType ??= 'caller_gone';
    const status = facts.errorType === 'caller_gone' ? CLIENT_DISCONNECTED : reply.statusCode;
    const path = pathOf(request.url);
    const ms = performance.now() - facts.startedMs;
    if (facts.model !== null || facts.errorType !== null) this.metrics.observe(facts, ms / 1000);
    if (facts.isRunning) facts.whenEnded = () => this.ended(request);
    else this.ended(request);
    const write = QUIET.test(path) && status < 500 ? this.debug : this.info;
    // Quoted by hand where no value needs an escape: methods, UUIDs and constants.
    let fields = `"msg":"request","request_id":${quoted(request.id)},"method":"${request.method}","path":${quoted(path)},"status":${status},"ms":${tenths(ms)}`;
    // Not of ADMIN_API_KEY, nor of a request that was refused.
    const key = request.caller?.keyId === null ? undefined : request.caller?.name;
    if (key !== undefined) fields += `,"key":${quoted(key)}`;
    const tenant = request.caller?.actsFor ?? null;
    if (tenant !== null) fields += `,"tenant":${quoted(tenant)}`;
    if (facts.model !== null) fields += `,"model":${quoted(facts.model)},"attempts":${facts.attempts}`;
    if (facts.workerId !== null) fields += `,"worker_id":"${facts.workerId}"`;
    if (facts.fallbackModel !== null) fields += `,"fallback_model":${quoted(facts.fallbackModel)}`;
    if (facts.queueMs !== null) fields += `,"queue_ms":${tenths(facts.queueMs)}`;
    if (facts.wokeMs !== null) fields += `,"woke_ms":${tenths(facts.wokeMs)}`;
    if (facts.upstreamMs !== null) fields += `,"upstream_ms":${tenths(facts.upstreamMs)}`;
    if (facts.firstEventMs !== null) fields += `,"first_event_ms":${tenths(facts.firstEventMs)}`;
    if (facts.inputTokens !== null) fields += `,"input_tokens":${facts.inputTokens}`;
    if (facts.outputTokens !== null) fields += `,"output_tokens":${facts.outputTokens}`;
    if (facts.cachedTokens !== null) fields += `,"cached_tokens":${facts.cachedTokens}`;
    if (facts.errorType !== null) fields += `,"error_type":"${facts.errorType}"`;
    if (facts.errorDetail !== null) fields += `,"error":${quoted(facts.errorDetail)}`;
    const { traceparent } = request.headers;
    if (typeof traceparent === 'string') fields += traceField(traceparent);
    write(fields);
  }
}

/** The id of the client's trace [W3C Trace Context, 3.2]; '' if its header is not valid. */
function traceField(traceparent: string): string {
  const traceId = TRACEPARENT.exec(traceparent)?.[1];
  return traceId === undefined ? '' : `,"trace_id":"${traceId}"`;
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}
