import type { FastifyReply } from 'fastify';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import type { UpstreamStatusError } from '../../upstream/upstream-status-error.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import { tell, tellAsked } from '../replies/answer-headers.js';
import type { InferenceRequest } from '../request/inference-request.js';
import type { AnswerFacts } from '../replies/reply.js';
import { noteUsage } from '../replies/note-usage.js';
import { answersJson, type Come, noAnswerIn } from './no-answer.js';
import { passStream, passWhole } from './pass-on.js';
import { PassedTokens } from './passed-tokens.js';
import { StreamWatch } from './stream-watch.js';

/** Ours to answer for: the caller must not doubt his own key. */
const OUR_CREDENTIALS: ReadonlySet<number> = new Set([401, 402, 403]);

/** Gives a caller what a worker that speaks his language said, as it said it. */
export class Passing {
  hasBegun = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  /** @returns its size in tokens of output @throws NoAnswerError before anything was passed on */
  whole(answer: UpstreamAnswer, facts: AnswerFacts): number {
    this.mustBeAnswer(answer, { bytes: answer.bytes, isAll: true });
    this.hasBegun = true;
    const tokens = new PassedTokens(false);
    tokens.see(answer.bytes);
    noteUsage(this.http.request.facts, tokens.usage);
    passWhole(tell(this.http, this.request, facts, true), answer.status, answer.headers, answer.bytes);
    return tokens.output;
  }

  /**
   * @returns its size in tokens of output
   * @throws NoAnswerError before anything was passed on, UpstreamError when it broke off: the caller saw it
   */
  async stream(answer: OpenAnswer, facts: AnswerFacts): Promise<number> {
    try {
      this.mustBeAnswer(answer, answer.come);
    } catch (error) {
      answer.drop();
      throw error;
    }
    this.hasBegun = true;
    const watch = new StreamWatch(this.request.raw);
    return passStream(tell(this.http, this.request, facts, false), answer, watch);
  }

  /** An error is passed on, too. @returns false: it is not the caller's to hear */
  refusal({ status, answer }: UpstreamStatusError): boolean {
    // Where a redirect leads is between the worker and us.
    if (answer === null || OUR_CREDENTIALS.has(status) || status < 400) return false;
    this.hasBegun = true;
    this.http.request.facts.errorType = 'worker_error';
    // Other workers were asked already, where that helps.
    passWhole(tellAsked(this.http).header('x-should-retry', 'false'), status, answer.headers, answer.bytes);
    return true;
  }

  /**
   * Another worker is asked, as after a 502. Where none is left the caller gets a 502, not the bytes: clients take a 200 for
   * an answer and stumble over what is missing in it. What the worker said is in its message.
   */
  private mustBeAnswer({ headers }: Pick<UpstreamAnswer, 'headers'>, come: Come): void {
    const { raw } = this.request;
    const error = raw !== null && answersJson(raw.path) ? noAnswerIn(headers, come) : null;
    if (error !== null) throw error;
  }
}
