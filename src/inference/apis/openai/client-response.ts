import type { FastifyReply } from 'fastify';
import type { ChatAnswer } from '../../chat/chat.js';
import { setResponseHeaders } from '../../client/client-response.js';
import { JSON_TYPE } from '../../client/client-response.js';
import { setRejectionHeaders } from '../../client/client-response.js';
import type { AttemptFacts, ResponseStream, ClientResponse } from '../../client/client-response.js';
import type { InferenceRequest } from '../../client/inference-request.js';
import { SseResponse } from '../../streams/sse-response.js';
import { errorTypeOf } from '../../../upstream/failure.js';
import type { UpstreamRejectedError } from '../../../upstream/upstream-errors.js';
import {
  type AnswerHead,
  ChatChunks,
  chatCompletion,
  type ChunkWriter,
  textCompletion,
  TextChunks,
} from './chat-completion.js';
import { eventsOf } from '../../chat/tool-calls.js';
import { openAiErrorEvent } from './chat-completion.js';
import { vectorsIn, embeddingList, base64Of } from './lists.js';
import { imagesIn } from './lists.js';
import type { ImageList } from './objects.js';

/** In what words OpenAI's endpoints answer. */
export interface ResponseFormat {
  readonly whole: (head: AnswerHead, answer: ChatAnswer) => object;
  readonly pieces: (head: AnswerHead, includeUsage: boolean) => ChunkWriter;
}

export const CHAT_FORMAT: ResponseFormat = {
  whole: chatCompletion,
  pieces: (head, includeUsage) => new ChatChunks(head, includeUsage),
};

export const TEXT_FORMAT: ResponseFormat = {
  whole: textCompletion,
  pieces: (head, includeUsage) => new TextChunks(head, includeUsage),
};

/** OpenAI's answer to a chat or a text to complete: whole, or in chunks. */
export class OpenAiResponse implements ClientResponse {
  committed = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
    private readonly words: ResponseFormat,
    private readonly includesUsage: () => boolean,
    /** Its errors are OpenAI's, too. */
    private readonly isOpenAis = true,
  ) {}

  get wantsStream(): boolean {
    return this.request.stream;
  }

  send(answer: ChatAnswer, facts: AttemptFacts): void {
    if (!this.wantsStream) {
      this.committed = true;
      setResponseHeaders(this.http, this.request, facts, true).type(JSON_TYPE);
      this.http.send(JSON.stringify(this.words.whole(this.head(facts), answer)));
      return;
    }
    const pieces = this.startStream(facts, () => {});
    for (const event of eventsOf(answer)) pieces.event(event);
    pieces.end();
  }

  startStream(facts: AttemptFacts, resume: () => void): ResponseStream {
    this.committed = true;
    const response = new SseResponse(setResponseHeaders(this.http, this.request, facts, false), resume);
    const chunks = this.words.pieces(this.head(facts), this.includesUsage());
    return {
      event: (event) => response.write(chunks.event(event)),
      end: () => {
        response.write(chunks.end());
        response.end();
      },
      fail: (error) => {
        this.http.request.facts.errorType = errorTypeOf(error);
        response.write(openAiErrorEvent(error));
        response.end();
      },
    };
  }

  reject(error: UpstreamRejectedError, message: string): boolean {
    if (!this.isOpenAis) return false;
    this.committed = true;
    const type = error.status === 429 ? 'rate_limit_error' : 'invalid_request_error';
    const body = { error: { message, type, param: null, code: null } };
    setRejectionHeaders(this.http, error).send(JSON.stringify(body));
    return true;
  }

  private head({ model }: AttemptFacts): AnswerHead {
    return { id: this.request.id, created: Math.floor(Date.now() / 1000), model };
  }
}

/** OpenAI's `list` of embeddings: the extract must be a vector, or a list of them. */
export class EmbeddingsResponse implements ClientResponse {
  readonly wantsStream = false;
  committed = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
    private readonly asBase64: () => boolean,
  ) {}

  send({ text, usage }: ChatAnswer, facts: AttemptFacts): void {
    const { input } = this.request.input();
    const vectors = vectorsIn(text ?? '', Array.isArray(input) ? input.length : 1);
    this.committed = true;
    setResponseHeaders(this.http, this.request, facts, true).type(JSON_TYPE);
    const answer = this.asBase64()
      ? embeddingList(vectors.map(base64Of), facts.model, usage)
      : embeddingList(vectors, facts.model, usage);
    this.http.send(JSON.stringify(answer));
  }

  startStream(): ResponseStream {
    throw new TypeError('embeddings come whole');
  }
}

/** OpenAI's images: the extract must be a URL, base64, or a list of them. */
export class ImagesResponse implements ClientResponse {
  readonly wantsStream = false;
  committed = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  send({ text }: ChatAnswer, facts: AttemptFacts): void {
    const data = imagesIn(text ?? '');
    this.committed = true;
    setResponseHeaders(this.http, this.request, facts, true).type(JSON_TYPE);
    const answer: ImageList = { created: Math.floor(Date.now() / 1000), data };
    this.http.send(JSON.stringify(answer));
  }

  startStream(): ResponseStream {
    throw new TypeError('images come whole');
  }
}
