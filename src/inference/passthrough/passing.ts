import type { FastifyReply } from 'fastify';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import type { UpstreamStatusError } from '../../upstream/upstream-status-error.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import { tell, tellAsked } from '../replies/answer-headers.js';
import type { InferenceRequest } from '../request/inference-request.js';
import type { AnswerFacts } from '../replies/reply.js';
import { noteUsage } from '../replies/note-usage.js';
import { passStream, passWhole } from './pass-on.js';
import { PassedTokens } from './passed-tokens.js';
import { STREAM_ENDS } from './stream-ends.js';

/** Ours to answer for: the caller must not doubt his own key. */
const OUR_CREDENTIALS: ReadonlySet<number> = new Set([401, 402, 403]);

/** Gives a caller what a worker that speaks his language said, as it said it. */
export class Passing {
  hasBegun = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  /** @returns its size in tokens of output */
  whole(answer: UpstreamAnswer, facts: AnswerFacts): number {
    this.hasBegun = true;
    const tokens = new PassedTokens(false);
    tokens.see(answer.bytes);
    noteUsage(this.http.request.facts, tokens.usage);
    passWhole(tell(this.http, this.request, facts, true), answer.status, answer.headers, answer.bytes);
    return tokens.output;
  }

  /** @returns its size in tokens of output @throws UpstreamError when it broke off: the caller saw it */
  stream(answer: OpenAnswer, facts: AnswerFacts): Promise<number> {
    this.hasBegun = true;
    const ends = STREAM_ENDS[this.request.raw?.dialect ?? 'openai'];
    return passStream(tell(this.http, this.request, facts, false), answer, ends);
  }

  /** An error is passed on, too. @returns false: it is not the caller's to hear */
  refusal({ status, answer }: UpstreamStatusError): boolean {
    if (answer === null || OUR_CREDENTIALS.has(status)) return false;
    this.hasBegun = true;
    this.http.request.facts.errorType = 'worker_error';
    // Other workers were asked already, where that helps.
    passWhole(tellAsked(this.http).header('x-should-retry', 'false'), status, answer.headers, answer.bytes);
    return true;
  }
}
