import type { JsonValue } from '../../template/json-value.js';
import type { OpenAiChat } from './chat.js';
import { UnsupportedFieldError } from './chat-errors.js';
import { isJsonObject } from '../../input/json.js';

/**
 * Refuses what would be answered with something else if it were left out. What only steers how an answer is made is a
 * hint, and ignored where a worker has no word for it, as Anthropic's own OpenAI-compatible API does
 * (https://platform.claude.com/docs/en/api/openai-sdk): logprobs, top_logprobs, logit_bias, presence_penalty,
 * frequency_penalty, seed, prediction, reasoning_effort, verbosity, service_tier, store, metadata, prompt_cache_key,
 * safety_identifier, messages[].name.
 * @throws UnsupportedFieldError
 */
export function rejectOpenAiOnlyFields(chat: OpenAiChat): void {
  const { n, modalities } = chat as { readonly n?: unknown; readonly modalities?: unknown };
  if (isThere(n) && n !== 1) throw new UnsupportedFieldError('n', 'must be 1: this worker gives one answer');
  if (Array.isArray(modalities) && (modalities as unknown[]).some((modality) => modality !== 'text'))
    throw new UnsupportedFieldError('modalities', 'must be text: this worker answers with nothing else');
  for (const field of ['functions', 'function_call'])
    if (isThere(chat[field])) throw new UnsupportedFieldError(field, 'is out of use: send tools');
  if (isThere(chat['web_search_options']))
    throw new UnsupportedFieldError('web_search_options', "asks for OpenAI's own search");
}

export function maxTokensOf(chat: OpenAiChat): number | undefined {
  return chat.max_completion_tokens ?? chat.max_tokens ?? undefined;
}

/** @throws UnsupportedFieldError */
export function stopsOf({ stop }: OpenAiChat): readonly string[] {
  const stops: readonly unknown[] = Array.isArray(stop) ? stop : isThere(stop) ? [stop] : [];
  return stops.filter((text): text is string => {
    if (typeof text !== 'string') throw new UnsupportedFieldError('stop', 'must be text, or a list of texts');
    return text !== '';
  });
}

/** What the answer's text must be: `schema` is what it must obey, if anything. */
export type AnswerFormat = 'text' | { readonly schema: Readonly<Record<string, JsonValue>> | null };

/** @throws UnsupportedFieldError */
export function answerFormatOf(chat: OpenAiChat): AnswerFormat {
  const format = chat['response_format'];
  if (!isThere(format)) return 'text';
  const type = isJsonObject(format) ? format['type'] : undefined;
  if (type === 'text') return 'text';
  if (type === 'json_object') return { schema: null };
  const spec = isJsonObject(format) && type === 'json_schema' ? format['json_schema'] : undefined;
  if (isJsonObject(spec) && isJsonObject(spec['schema']))
    return { schema: spec['schema'] as Readonly<Record<string, JsonValue>> };
  throw new UnsupportedFieldError(
    'response_format',
    'must be text, json_object, or json_schema with its schema',
  );
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}
