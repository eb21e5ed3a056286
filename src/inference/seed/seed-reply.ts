import type { FastifyReply } from 'fastify';
import { UnjudgedError } from '../../upstream/unjudged-error.js';
import type { ChatAnswer } from '../chat/chat.js';
import { tell } from '../replies/answer-headers.js';
import { JSON_TYPE } from '../replies/json-type.js';
import type { AnswerFacts, AnswerPieces, Reply } from '../replies/reply.js';
import type { InferenceRequest } from '../request/inference-request.js';

/** The seed's answer: `{"success", "msg", "result"}`. */
export class SeedReply implements Reply {
  readonly isStream = false;
  hasBegun = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  relay({ text, toolCalls }: ChatAnswer, facts: AnswerFacts): void {
    // Such as one that was thinking when its tokens ran out.
    if (text === null && toolCalls.length === 0) throw new UnjudgedError('the answer holds no text');
    this.hasBegun = true;
    const result = text ?? JSON.stringify(toolCalls);
    tell(this.http, this.request, facts, true).type(JSON_TYPE);
    this.http.send(`{"success":true,"msg":"execute succeed","result":${JSON.stringify(result)}}`);
  }

  begin(): AnswerPieces {
    throw new TypeError('this caller wants the answer whole');
  }
}
