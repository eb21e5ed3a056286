import { parsedOrUndefined } from '../request/parsed-or-undefined.js';
import type { Usage } from '../chat/chat.js';
import { ProtocolError } from '../chat/protocol-error.js';
import type { EmbeddingList } from './openai-objects.js';

/** OpenAI's `list` of embeddings. */
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

/** An extract that is a vector, or a list of them: one for each text. @throws ProtocolError */
export function vectorsIn(text: string, texts: number): readonly number[][] {
  const value = parsedOrUndefined(text);
  const vectors: unknown[] = Array.isArray(value) && Array.isArray(value[0]) ? value : [value];
  if (!vectors.every(isVector))
    throw new ProtocolError(
      'the answer holds no embedding: response_extract must lead to numbers, or a list of lists of them',
    );
  if (vectors.length === texts) return vectors;
  throw new ProtocolError(`of ${texts} texts the answer holds ${vectors.length} embeddings`);
}

/** Of 32-bit floats, little-endian, as OpenAI sends it. */
export function base64Of(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, number] of vector.entries()) bytes.writeFloatLE(number, index * 4);
  return bytes.toString('base64');
}

function isVector(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((number) => typeof number === 'number');
}
