import type { ChatAnswer } from '../../chat/chat.js';
import { ProtocolError, UnsupportedFieldError } from '../../chat/chat-errors.js';
import { isJsonObject, type JsonObject, present } from '../../../input/json.js';
import { countOf, listOf, objectOf } from '../../chat/answer-body.js';
import { geminiModel } from './backend-request.js';

/** The fields of OpenAI's embeddings that Gemini supports. */
interface EmbeddingRequest {
  readonly input?: unknown;
  readonly dimensions?: unknown;
}

/**
 * The body of batchEmbedContents, for a single text, too: https://ai.google.dev/api/embeddings
 * @throws UnsupportedFieldError
 */
export function geminiEmbeddingRequest(
  { input, dimensions }: EmbeddingRequest,
  upstreamModel: string,
): JsonObject {
  const texts: readonly unknown[] = Array.isArray(input) ? input : [input];
  const model = geminiModel(upstreamModel);
  const outputDimensionality = typeof dimensions === 'number' ? dimensions : undefined;
  return {
    requests: texts.map((text, index) => {
      if (typeof text === 'string')
        return present({ model, content: { parts: [{ text }] }, outputDimensionality });
      const field = Array.isArray(input) ? `input[${index}]` : 'input';
      throw new UnsupportedFieldError(
        field,
        'must be text; token arrays are not supported by Gemini workers',
      );
    }),
  };
}

/** @returns an answer whose text is the JSON of the vectors, in the order of the inputs. @throws ProtocolError */
export function geminiEmbeddings(body: unknown): ChatAnswer {
  const answer = objectOf(body, 'the answer');
  const vectors = listOf(answer['embeddings'], 'embeddings').map(
    (one, index) => objectOf(one, `embeddings[${index}]`)['values'],
  );
  if (vectors.length === 0) throw new ProtocolError('the answer has no embeddings');
  const metadata = answer['usageMetadata'];
  const input = isJsonObject(metadata) ? countOf(metadata['promptTokenCount']) : undefined;
  return {
    text: JSON.stringify(vectors),
    toolCalls: [],
    finish: 'stop',
    usage: input === undefined ? null : { input, output: 0 },
  };
}
