import type { FastifyReply } from 'fastify';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import type { UpstreamStatusError } from '../../upstream/upstream-errors.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import { setResponseHeaders, setAttemptHeaders } from '../client/client-response.js';
import type { InferenceRequest } from '../client/inference-request.js';
import type { AttemptFacts } from '../client/client-response.js';
import { recordUsage } from '../client/client-response.js';
import { answersJson, type BufferedBody, findNoAnswer } from './error-in-success.js';
import { proxyStream, sendUnchanged } from './proxy-stream.js';
import { UsageScanner } from './usage-scanner.js';
import { StreamMonitor } from './stream-monitor.js';

/** Ours to answer for: the caller must not doubt his own key. */
const OUR_CREDENTIALS: ReadonlySet<number> = new Set([401, 402, 403]);

/** Gives a caller what a worker that speaks his language said, as it said it. */
export class ProxyResponse {
  committed = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  /** @returns its size in tokens of output @throws NoAnswerError before anything was passed on */
  send(answer: UpstreamAnswer, facts: AttemptFacts): number {
    this.mustBeAnswer(answer, { bytes: answer.bytes, isAll: true });
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

  /** An error is passed on, too. @returns false: it is not the caller's to hear */
  reject({ status, answer }: UpstreamStatusError): boolean {
    // Where a redirect leads is between the worker and us.
    if (answer === null || OUR_CREDENTIALS.has(status) || status < 400) return false;
    this.committed = true;
    this.http.request.facts.errorType = 'worker_error';
    // Other workers were asked already, where that helps.
    sendUnchanged(
      setAttemptHeaders(this.http).header('x-should-retry', 'false'),
      status,
      answer.headers,
      answer.bytes,
    );
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
