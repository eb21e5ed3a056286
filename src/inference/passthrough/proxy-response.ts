import type { FastifyReply } from 'fastify';
import type { AnswerHeaders } from '../../upstream/headers.js';
import type { BufferedBody, OpenAnswer } from '../../upstream/open-answer.js';
import type { UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import { setResponseHeaders, setAttemptHeaders } from '../client/client-response.js';
import type { InferenceRequest } from '../client/inference-request.js';
import type { AttemptFacts } from '../client/client-response.js';
import { recordUsage } from '../client/client-response.js';
import { answersJson, findNoAnswer } from './error-in-success.js';
import { proxyStream, sendUnchanged } from './proxy-stream.js';
import { UsageScanner } from './usage-scanner.js';
import { StreamMonitor } from './stream-monitor.js';

/** Gives a caller what a worker that speaks his language said, as it said it. */
export class ProxyResponse {
  committed = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  /** @returns its size in tokens of output @throws NoAnswerError before anything was passed on */
  send(answer: UpstreamAnswer, facts: AttemptFacts): number {
    this.mustBeAnswer(answer, { bytes: answer.bytes, isComplete: true });
    this.committed = true;
    const tokens = new UsageScanner(false);
    tokens.scan(answer.bytes);
    recordUsage(this.http.request.facts, tokens.usage);
    sendUnchanged(
      setResponseHeaders(this.http, this.request, facts, true),
      answer.status,
      answer.headers,
      answer.bytes,
    );
    return tokens.output;
  }

  /**
   * @returns its size in tokens of output
   * @throws NoAnswerError before anything was passed on, UpstreamError when it broke off: the caller saw it
   */
  async stream(answer: OpenAnswer, facts: AttemptFacts): Promise<number> {
    try {
      this.mustBeAnswer(answer, answer.buffered);
    } catch (error) {
      answer.discard();
      throw error;
    }
    this.committed = true;
    const watch = new StreamMonitor(this.request.raw);
    return proxyStream(setResponseHeaders(this.http, this.request, facts, false), answer, watch);
  }

  /** Forwards the response of a worker that rejected the request; other workers were tried where that helps. */
  reject(
    { status, failure }: UpstreamRejectedError,
    { headers, bytes }: { readonly headers: AnswerHeaders; readonly bytes: Buffer },
  ): boolean {
    this.committed = true;
    this.http.request.facts.errorType = failure.errorType;
    sendUnchanged(setAttemptHeaders(this.http).header('x-should-retry', 'false'), status, headers, bytes);
    return true;
  }

  /**
   * Another worker is asked, as after a 502. Where none is left the caller gets a 502, not the bytes: clients take a 200 for
   * an answer and stumble over what is missing in it. What the worker said is in its message.
   */
  private mustBeAnswer({ headers }: Pick<UpstreamAnswer, 'headers'>, come: BufferedBody): void {
    const { raw } = this.request;
    const error = raw !== null && answersJson(raw.path) ? findNoAnswer(headers, come) : null;
    if (error !== null) throw error;
  }
}
