import type { FastifyReply } from 'fastify';
import type { ChatAnswer } from '../chat/chat.js';
import { tell } from '../replies/answer-headers.js';
import { JSON_TYPE } from '../replies/json-type.js';
import type { AnswerFacts, AnswerPieces, Reply } from '../replies/reply.js';
import type { InferenceRequest } from '../request/inference-request.js';
import { base64Of, embeddingList, vectorsIn } from './embedding-list.js';
import { imagesIn } from './image-list.js';
import type { ImageList } from './openai-objects.js';

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
    const { input } = this.request.input();
    const vectors = vectorsIn(text ?? '', Array.isArray(input) ? input.length : 1);
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
