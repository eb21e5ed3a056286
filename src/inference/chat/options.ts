import { isJsonObject } from '../../input/json.js';
import type { OpenAiChat } from './chat.js';
import { UnsupportedFieldError } from './chat-errors.js';
import { isPresent, type JsonObject } from './json.js';

/**
 * Rejects fields that would change the answer if they were dropped. Fields that only steer how an answer is made are
 * hints, dropped where the worker's API has no such field, as Anthropic's own OpenAI-compatible API does
 * (https://platform.claude.com/docs/en/api/openai-sdk): logprobs, top_logprobs, logit_bias, presence_penalty,
 * frequency_penalty, seed, prediction, reasoning_effort, verbosity, service_tier, store, metadata, prompt_cache_key,
 * safety_identifier, messages[].name.
 * @throws UnsupportedFieldError
 */
export function rejectOpenAiOnlyFields(chat: OpenAiChat): void {
  const { n, modalities } = chat;
  if (isPresent(n) && n !== 1)
    throw new UnsupportedFieldError('n', 'must be 1: this worker returns one answer');
  if (Array.isArray(modalities) && (modalities as unknown[]).some((modality) => modality !== 'text'))
    throw new UnsupportedFieldError('modalities', 'must be ["text"]: this worker returns text only');
  if (isPresent(chat['functions']))
    throw new UnsupportedFieldError('functions', 'deprecated and not supported by this worker; use tools');
  if (isPresent(chat['function_call']))
    throw new UnsupportedFieldError(
      'function_call',
      'deprecated and not supported by this worker; use tool_choice',
    );
  if (isPresent(chat['web_search_options']))
    throw new UnsupportedFieldError('web_search_options', 'not supported by this worker; leave it out');
}

export function maxTokensOf(chat: OpenAiChat): number | undefined {
  return chat.max_completion_tokens ?? chat.max_tokens ?? undefined;
}

/** @throws UnsupportedFieldError */
export function stopsOf({ stop }: OpenAiChat): readonly string[] {
  const stops: readonly unknown[] = Array.isArray(stop) ? stop : isPresent(stop) ? [stop] : [];
  return stops.filter((text): text is string => {
    if (typeof text !== 'string')
      throw new UnsupportedFieldError('stop', 'must be a string or a list of strings');
    return text !== '';
  });
}

/** The format of the answer's text; `schema` is what JSON must match, `null` for any JSON. */
export type AnswerFormat = 'text' | { readonly schema: JsonObject | null };

/** @throws UnsupportedFieldError */
export function answerFormatOf(chat: OpenAiChat): AnswerFormat {
  const format = chat['response_format'];
  if (!isPresent(format)) return 'text';
  const type = isJsonObject(format) ? format['type'] : undefined;
  if (type === 'text') return 'text';
  if (type === 'json_object') return { schema: null };
  const spec = isJsonObject(format) && type === 'json_schema' ? format['json_schema'] : undefined;
  if (isJsonObject(spec) && isJsonObject(spec['schema'])) return { schema: spec['schema'] as JsonObject };
  throw new UnsupportedFieldError(
    'response_format',
    'must be of type text, json_object, or json_schema with json_schema.schema',
  );
}
