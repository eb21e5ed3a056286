import type { FastifyReply } from 'fastify';
import { tell, tellAsked } from './answer-headers.js';
import type { ChatAnswer } from './chat/chat.js';
import type { InferenceRequest } from './inference-request.js';
import {
  type AnswerHead,
  ChatChunks,
  chatCompletion,
  type ChunkWriter,
  eventsOf,
  textCompletion,
  TextChunks,
} from './openai/chat-completion.js';
import { base64Of, embeddingList, vectorsIn } from './openai/embedding-list.js';
import { imagesIn } from './openai/image-list.js';
import type { ImageList } from './openai/openai-objects.js';
import type { RefusedError } from './refused-error.js';
import type { AnswerFacts, AnswerPieces, Reply } from './reply.js';
import { SseResponse } from './streams/sse-response.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/** The seed's answer: `{"success", "msg", "result"}`. */
export class SeedReply implements Reply {
  readonly isStream = false;
  hasBegun = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  relay({ text, toolCalls }: ChatAnswer, facts: AnswerFacts): void {
    this.hasBegun = true;
    const result = text ?? JSON.stringify(toolCalls);
    tell(this.http, this.request, facts, true).type(JSON_TYPE);
    this.http.send(`{"success":true,"msg":"execute succeed","result":${JSON.stringify(result)}}`);
  }

  begin(): AnswerPieces {
    throw new TypeError('this caller wants the answer whole');
  }
}

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

/** OpenAI's `list` of embeddings: the extract must be a vector, or a list of them. */
export class EmbeddingsReply implements Reply {
  readonly isStream = false;
  hasBegun = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
    private readonly asBase64: () => boolean,
  ) {}

  relay({ text, usage }: ChatAnswer, facts: AnswerFacts): void {
    const vectors = vectorsIn(text ?? '');
    this.hasBegun = true;
    tell(this.http, this.request, facts, true).type(JSON_TYPE);
    const answer = this.asBase64()
      ? embeddingList(vectors.map(base64Of), facts.model, usage)
      : embeddingList(vectors, facts.model, usage);
    this.http.send(JSON.stringify(answer));
  }

  begin(): AnswerPieces {
    throw new TypeError('embeddings come whole');
  }
}

/** OpenAI's images: the extract must be a URL, base64, or a list of them. */
export class ImagesReply implements Reply {
  readonly isStream = false;
  hasBegun = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  relay({ text }: ChatAnswer, facts: AnswerFacts): void {
    const data = imagesIn(text ?? '');
    this.hasBegun = true;
    tell(this.http, this.request, facts, true).type(JSON_TYPE);
    const answer: ImageList = { created: Math.floor(Date.now() / 1000), data };
    this.http.send(JSON.stringify(answer));
  }

  begin(): AnswerPieces {
    throw new TypeError('images come whole');
  }
}

/** The head of such an answer. Others were asked already, where that helps. */
export function refused(http: FastifyReply, { status, retryAfterMs }: RefusedError): FastifyReply {
  http.request.facts.errorType = 'worker_error';
  if (retryAfterMs !== null) http.header('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  return tellAsked(http).code(status).header('x-should-retry', 'false').type(JSON_TYPE);
}

/** In the middle of a stream, instead of an end: a client must not take it for one. */
export function errorEvent(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const object = { message: `worker execute error: ${message}`, type: 'api_error', param: null, code: null };
  return `data: ${JSON.stringify({ error: object })}\n\n`;
}
