import type { ChatAnswer } from '../../chat/chat.js';
import type { ResponseFormat, ResponseHead, StreamWriter } from '../../client/client-response.js';
import {
  ChatChunks,
  chatCompletion,
  openAiErrorEvent,
  textCompletion,
  TextChunks,
} from './chat-completion.js';
import { base64Of, embeddingList, imagesIn, vectorsIn } from './lists.js';
import type { ImageList } from './objects.js';

/** The responses of OpenAI's endpoints. */
class OpenAiFormat {
  errorEvent(error: unknown): string {
    return openAiErrorEvent(error);
  }

  rejection(status: number, message: string): string {
    const type = status === 429 ? 'rate_limit_error' : 'invalid_request_error';
    return JSON.stringify({ error: { message, type, param: null, code: null } });
  }
}

/** `/chat/completions`: a completion or its chunks. */
export class ChatFormat extends OpenAiFormat implements ResponseFormat {
  constructor(private readonly includesUsage: () => boolean) {
    super();
  }

  whole(answer: ChatAnswer, head: ResponseHead): string {
    return JSON.stringify(chatCompletion(head, answer));
  }

  stream(head: ResponseHead): StreamWriter {
    return new ChatChunks(head, this.includesUsage());
  }
}

/** `/completions`, the older endpoint. */
export class TextFormat extends OpenAiFormat implements ResponseFormat {
  constructor(private readonly includesUsage: () => boolean) {
    super();
  }

  whole(answer: ChatAnswer, head: ResponseHead): string {
    return JSON.stringify(textCompletion(head, answer));
  }

  stream(head: ResponseHead): StreamWriter {
    return new TextChunks(head, this.includesUsage());
  }
}

/** `/embeddings`: the extract must be a vector, or a list of vectors. */
export class EmbeddingsFormat extends OpenAiFormat implements ResponseFormat {
  constructor(
    private readonly input: () => unknown,
    private readonly asBase64: () => boolean,
  ) {
    super();
  }

  whole({ text, usage }: ChatAnswer, { model }: ResponseHead): string {
    const input = this.input();
    const vectors = vectorsIn(text ?? '', Array.isArray(input) ? input.length : 1);
    return JSON.stringify(
      this.asBase64()
        ? embeddingList(vectors.map(base64Of), model, usage)
        : embeddingList(vectors, model, usage),
    );
  }
}

/** `/images/generations`: the extract must be a URL, base64, or a list of them. */
export class ImagesFormat extends OpenAiFormat implements ResponseFormat {
  whole({ text }: ChatAnswer, { created }: ResponseHead): string {
    const images: ImageList = { created, data: imagesIn(text ?? '') };
    return JSON.stringify(images);
  }
}
