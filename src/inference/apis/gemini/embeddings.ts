import type { Profile } from '../../../registry/profiles/profile.dto.js';
import type { ChatAnswer } from '../../chat/chat.js';
import { ProtocolError, UnsupportedFieldError } from '../../chat/chat-errors.js';
import { isJsonObject, type JsonObject, present } from '../../../input/json.js';
import { countOf, listOf, objectOf } from '../../chat/answer-body.js';
import { geminiModel } from '../../../registry/profiles/google-rules.js';
import { geminiPath } from './backend-request.js';

/** The fields of OpenAI's embeddings that Gemini supports. */
interface EmbeddingRequest {
  readonly dimensions?: unknown;
}

/**
 * The bodies of batchEmbedContents, for a single text, too: https://ai.google.dev/api/embeddings; of Vertex AI's predict:
 * https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
 * @throws UnsupportedFieldError
 */
export function geminiEmbeddingRequest(
  texts: readonly unknown[],
  { dimensions }: EmbeddingRequest,
  upstreamModel: string,
  { embedding_batch: batch, embedding_method: method }: Profile,
): { readonly path: string; readonly bodies: readonly JsonObject[]; readonly batch: number } {
  const size = typeof dimensions === 'number' ? dimensions : undefined;
  const model = geminiModel(upstreamModel);
  const known = texts.map((text, index) => {
    if (typeof text === 'string') return text;
    throw new UnsupportedFieldError(
      texts.length === 1 ? 'input' : `input[${index}]`,
      'must be text; token arrays are not supported by Gemini workers',
    );
  });
  const parts: readonly (readonly string[])[] = Array.from(
    { length: Math.max(1, Math.ceil(known.length / batch)) },
    (_, part) => known.slice(part * batch, (part + 1) * batch),
  );
  const bodyOf = (part: readonly string[]): JsonObject =>
    method === 'predict' ? predictBody(part, size) : batchBody(part, model, size);
  return { path: geminiPath(upstreamModel, method), bodies: parts.map(bodyOf), batch };
}

function batchBody(
  texts: readonly string[],
  model: string,
  outputDimensionality: number | undefined,
): JsonObject {
  return {
    requests: texts.map((text) => present({ model, content: { parts: [{ text }] }, outputDimensionality })),
  };
}

function predictBody(texts: readonly string[], outputDimensionality: number | undefined): JsonObject {
  const instances = texts.map((content) => ({ content }));
  return present({
    instances,
    parameters: outputDimensionality === undefined ? undefined : { outputDimensionality },
  });
}

/** @returns an answer whose text is the JSON of the vectors, in the order of the inputs. @throws ProtocolError */
export function geminiEmbeddings(body: unknown, count: number): ChatAnswer {
  const answer = objectOf(body, 'the answer');
  const predictions = answer['predictions'];
  const found = (
    predictions === undefined
      ? listOf(answer['embeddings'], 'embeddings')
      : listOf(predictions, 'predictions').map(
          (one, index) => objectOf(one, `predictions[${index}]`)['embeddings'],
        )
  ).map((one, index) => objectOf(one, `embeddings[${index}]`));
  if (found.length !== count)
    throw new ProtocolError(
      `the answer has ${found.length} embeddings for ${count} texts; one for each is expected`,
    );
  const input =
    predictions === undefined
      ? countOf(fieldIn(answer['usageMetadata'], 'promptTokenCount'))
      : countsOf(found);
  return {
    text: JSON.stringify(found.map(({ values }) => values)),
    toolCalls: [],
    finish: 'stop',
    usage: input === undefined ? null : { input, output: 0 },
  };
}

/** Vertex AI counts the tokens of each text. */
function countsOf(embeddings: readonly Readonly<Record<string, unknown>>[]): number | undefined {
  const counts = embeddings.map(({ statistics }) => countOf(fieldIn(statistics, 'token_count')));
  return counts.reduce((sum, each) => (sum === undefined || each === undefined ? undefined : sum + each), 0);
}

function fieldIn(holder: unknown, name: string): unknown {
  return isJsonObject(holder) ? holder[name] : undefined;
}
