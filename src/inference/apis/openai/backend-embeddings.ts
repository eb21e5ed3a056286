import type { Profile } from '../../../registry/profiles/profile.dto.js';
import { countOf, listOf, objectOf } from '../../chat/answer-body.js';
import type { ChatAnswer } from '../../chat/chat.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import { isJsonObject } from '../../../input/json.js';
import type { InferenceRequest } from '../../client/inference-request.js';

/** OpenAI's own limit: https://platform.openai.com/docs/api-reference/embeddings/create */
const OPENAI_BATCH = 2048;

/** Whether a request has more texts than the worker's server takes in one call, and others of its kind would take them. */
export function exceedsBatch({ embedding_batch: batch }: Profile, request: InferenceRequest): boolean {
  if (batch >= OPENAI_BATCH) return false;
  try {
    const { input } = request.input();
    return Array.isArray(input) && input.length > batch;
  } catch {
    // Such as tokens, which are passed through.
    return false;
  }
}

/** The parts of a request with more texts than one call takes. The client's format of numbers is written here. */
export function openAiEmbeddingRequest(
  texts: readonly unknown[],
  body: Readonly<Record<string, unknown>>,
  model: string,
  { embedding_batch: batch }: Profile,
): { readonly path: string; readonly bodies: readonly object[]; readonly batch: number } {
  const { encoding_format: _, ...rest } = body;
  const bodies = Array.from({ length: Math.max(1, Math.ceil(texts.length / batch)) }, (_one, part) => ({
    ...rest,
    model,
    input: texts.slice(part * batch, (part + 1) * batch),
  }));
  return { path: '/embeddings', bodies, batch };
}

/** @returns an answer whose text is the JSON of the vectors, in the order of the inputs. @throws ProtocolError */
export function openAiEmbeddings(body: unknown, count: number): ChatAnswer {
  const answer = objectOf(body, 'the answer');
  const vectors: unknown[] = [];
  for (const [at, one] of listOf(answer['data'], 'data').entries()) {
    const { index, embedding } = objectOf(one, `data[${at}]`);
    vectors[countOf(index) ?? at] = embedding;
  }
  if (vectors.length !== count || vectors.includes(undefined))
    throw new ProtocolError(
      `the answer has ${vectors.length} embeddings for ${count} texts; one for each is expected`,
    );
  const { usage } = answer;
  const input = isJsonObject(usage) ? countOf(usage['prompt_tokens']) : undefined;
  return {
    text: JSON.stringify(vectors),
    toolCalls: [],
    finish: 'stop',
    usage: input === undefined ? null : { input, output: 0 },
  };
}
