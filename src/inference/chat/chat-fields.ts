import { isPresent } from '../../input/json.js';
import type { OpenAiChat } from './chat.js';
import { UnsupportedFieldError } from './chat-errors.js';

/**
 * What becomes of a field where the request is translated. `carried`: it reaches the worker or the answer, where the worker's API
 * has a place for it. `hint`: it steers how the answer is made, and is left out. `refused`: the answer would mean something else
 * without it. Fields that are in no table are hints, too: a client may send them to a server that has them.
 */
export type FieldFate = 'carried' | 'hint' | 'refused';

/**
 * Every field of POST /v1/chat/completions: ChatCompletionCreateParamsBase of the openai package. Which fields are hints follows
 * Anthropic's own OpenAI-compatible API (https://platform.claude.com/docs/en/api/openai-sdk).
 */
export const CHAT_FIELDS = {
  messages: 'carried',
  model: 'carried',
  max_completion_tokens: 'carried',
  max_tokens: 'carried',
  parallel_tool_calls: 'carried',
  reasoning_effort: 'carried',
  response_format: 'carried',
  safety_identifier: 'carried',
  seed: 'carried',
  stop: 'carried',
  stream: 'carried',
  stream_options: 'carried',
  temperature: 'carried',
  tool_choice: 'carried',
  tools: 'carried',
  top_p: 'carried',
  user: 'carried',
  // The voice of an answer whose `modalities` have audio.
  audio: 'hint',
  frequency_penalty: 'hint',
  logit_bias: 'hint',
  logprobs: 'hint',
  metadata: 'hint',
  prediction: 'hint',
  presence_penalty: 'hint',
  prompt_cache_key: 'hint',
  prompt_cache_options: 'hint',
  prompt_cache_retention: 'hint',
  service_tier: 'hint',
  store: 'hint',
  top_logprobs: 'hint',
  verbosity: 'hint',
  function_call: 'refused',
  functions: 'refused',
  modalities: 'refused',
  moderation: 'refused',
  n: 'refused',
  web_search_options: 'refused',
} as const satisfies Readonly<Record<string, FieldFate>>;

type Refused = {
  [Name in keyof typeof CHAT_FIELDS]: (typeof CHAT_FIELDS)[Name] extends 'refused' ? Name : never;
}[keyof typeof CHAT_FIELDS];

/** What a client can do instead. */
const INSTEAD: Readonly<Record<Refused, string>> = {
  n: 'must be 1: this worker returns one answer',
  modalities: 'must be ["text"]: this worker returns text only',
  functions: 'deprecated and not supported by this worker; use tools',
  function_call: 'deprecated and not supported by this worker; use tool_choice',
  web_search_options: 'not supported by this worker; leave it out',
  moderation: 'not supported by this worker; leave it out',
};
const REFUSED = Object.entries(INSTEAD) as readonly (readonly [Refused, string])[];

/**
 * Rejects the fields that would change the answer if they were dropped.
 * @throws UnsupportedFieldError
 */
export function rejectOpenAiOnlyFields(chat: OpenAiChat): void {
  for (const [name, problem] of REFUSED) {
    const value = chat[name];
    if (isPresent(value) && !isNeutral(name, value)) throw new UnsupportedFieldError(name, problem);
  }
}

/** Whether the value means the same as leaving the field out. */
function isNeutral(name: Refused, value: unknown): boolean {
  if (name === 'n') return value === 1;
  return (
    name === 'modalities' &&
    !(Array.isArray(value) && (value as unknown[]).some((modality) => modality !== 'text'))
  );
}
