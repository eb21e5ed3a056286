import { parsedOrUndefined } from '../../../input/json.js';
import type { ChatAnswer, Usage } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import type { EmbeddingList, ImageList } from './objects.js';
import type { Model } from '../../../registry/live/live-workers.js';
import type { ResponseFormat, ResponseHead } from '../../client/response-format.js';
import { OpenAiFormat } from './client-response.js';

/** The answer of /embeddings. */
export function embeddingList<E extends number[] | string>(
  embeddings: readonly E[],
  model: string,
  usage: Usage | null,
): EmbeddingList<E> {
  const tokens = usage?.input ?? 0;
  return {
    object: 'list',
    data: embeddings.map((embedding, index) => ({ object: 'embedding', index, embedding })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/** Reads the vectors in a template worker's answer, one for each input. @throws ProtocolError */
export function vectorsIn(text: string, inputs: number): readonly number[][] {
  const value = parsedOrUndefined(text);
  const vectors: unknown[] = Array.isArray(value) && Array.isArray(value[0]) ? value : [value];
  if (!vectors.every(isVector))
    throw new ProtocolError(
      'the answer contains no embedding: response_extract must select a list of numbers, or a list of such lists',
    );
  if (vectors.length === inputs) return vectors;
  throw new ProtocolError(
    `the answer contains ${vectors.length} embeddings for ${inputs} inputs; one for each is expected`,
  );
}

/** Base64 of 32-bit floats, little-endian, as OpenAI sends it. */
export function base64Of(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, number] of vector.entries()) bytes.writeFloatLE(number, index * 4);
  return bytes.toString('base64');
}

function isVector(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((number) => typeof number === 'number');
}

/** Reads the images in a template worker's answer. @throws ProtocolError */
export function imagesIn(text: string): ImageList['data'] {
  const value = text.startsWith('[') ? parsedOrUndefined(text) : text;
  const images: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (images.length > 0 && images.every((image) => typeof image === 'string' && image !== ''))
    return images.map((image) => imageOf(image as string));
  throw new ProtocolError(
    'the answer contains no image: response_extract must select a URL, base64 text, or a list of them',
  );
}

function imageOf(image: string): ImageList['data'][number] {
  const [, base64] = /^data:[^,]*;base64,(.*)$/s.exec(image) ?? [];
  if (base64 !== undefined) return { b64_json: base64 };
  // Base64 has no colon. Some servers wrap the URL in text: `downloadUrl= http://…`.
  const [url] = /https?:\/\/\S+/.exec(image) ?? [];
  return url === undefined ? { b64_json: image } : { url };
}

/** A model in the answer of /models. */
export interface ListedModel {
  readonly id: string;
  readonly object: 'model';
  /** When the first worker was registered, in seconds since 1970. */
  readonly created: number;
  readonly owned_by: string;
}

export function listedModel({ name, workers }: Model): ListedModel {
  const [first] = workers;
  // A time set by hand may be infinity.
  const created = Math.floor(Number(first?.createdAt ?? 0) / 1000);
  return {
    id: name,
    object: 'model',
    created: Number.isFinite(created) ? created : 0,
    owned_by: 'multi-model-manager',
  };
}

/** Only the admin state counts: health changes by the second. */
export function isOffered({ workers }: Model): boolean {
  return workers.some(({ adminState }) => adminState === 'enabled');
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
