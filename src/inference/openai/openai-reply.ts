import type { FastifyReply } from 'fastify';
import type { ChatAnswer } from '../chat/chat.js';
import { tell } from '../replies/answer-headers.js';
import { JSON_TYPE } from '../replies/json-type.js';
import { refused } from '../replies/refused.js';
import type { AnswerFacts, AnswerPieces, Reply } from '../replies/reply.js';
import type { InferenceRequest } from '../request/inference-request.js';
import { SseResponse } from '../streams/sse-response.js';
import type { RefusedError } from '../walk/refused-error.js';
import {
  type AnswerHead,
  ChatChunks,
  chatCompletion,
  type ChunkWriter,
  eventsOf,
  textCompletion,
  TextChunks,
} from './chat-completion.js';
import { errorEvent } from './error-event.js';

/** In what words OpenAI's endpoints answer. */
export interface AnswerWords {
  readonly whole: (head: AnswerHead, answer: ChatAnswer) => object;
  readonly pieces: (head: AnswerHead, includeUsage: boolean) => ChunkWriter;
}

export const CHAT_WORDS: AnswerWords = {
  whole: chatCompletion,
  pieces: (head, includeUsage) => new ChatChunks(head, includeUsage),
};
export const TEXT_WORDS: AnswerWords = {
  whole: textCompletion,
  pieces: (head, includeUsage) => new TextChunks(head, includeUsage),
};

/** OpenAI's answer to a chat or a text to complete: whole, or in chunks. */
export class OpenAiReply implements Reply {
  hasBegun = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
    private readonly words: AnswerWords,
    private readonly includesUsage: () => boolean,
    /** Its errors are OpenAI's, too. */
    private readonly isOpenAis = true,
  ) {}

  get isStream(): boolean {
    return this.request.stream;
  }

  relay(answer: ChatAnswer, facts: AnswerFacts): void {
    if (!this.isStream) {
      this.hasBegun = true;
      tell(this.http, this.request, facts, true).type(JSON_TYPE);
      this.http.send(JSON.stringify(this.words.whole(this.head(facts), answer)));
      return;
    }
    const pieces = this.begin(facts, () => {});
    for (const event of eventsOf(answer)) pieces.event(event);
    pieces.end();
  }

  begin(facts: AnswerFacts, resume: () => void): AnswerPieces {
    this.hasBegun = true;
    const response = new SseResponse(tell(this.http, this.request, facts, false), resume);
    const chunks = this.words.pieces(this.head(facts), this.includesUsage());
    return {
      event: (event) => response.write(chunks.event(event)),
      end: () => {
        response.write(chunks.end());
        response.end();
      },
      fail: (error) => {
        this.http.request.facts.errorType = 'worker_bad_answer';
        response.write(errorEvent(error));
        response.end();
      },
    };
  }

  refuse(error: RefusedError): boolean {
    if (!this.isOpenAis) return false;
    this.hasBegun = true;
    const type = error.status === 429 ? 'rate_limit_error' : 'invalid_request_error';
    const body = { error: { message: error.said, type, param: null, code: null } };
    refused(this.http, error).send(JSON.stringify(body));
    return true;
  }

  private head({ model }: AnswerFacts): AnswerHead {
    return { id: this.request.id, created: Math.floor(Date.now() / 1000), model };
  }
}
