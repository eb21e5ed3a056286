import type { TemplateInput } from '../../../registry/calls/placeholder-values.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { UnsupportedFieldError } from '../../chat/chat-errors.js';
import type { FieldFate } from '../../chat/chat-fields.js';

type Body = Readonly<Record<string, unknown>>;

/** Every field of POST /v1/completions (CompletionCreateParamsBase of the openai package), where a chat model answers it. */
export const COMPLETION_FIELDS = {
  model: 'carried',
  prompt: 'carried',
  max_tokens: 'carried',
  seed: 'carried',
  stop: 'carried',
  stream: 'carried',
  stream_options: 'carried',
  temperature: 'carried',
  top_p: 'carried',
  user: 'carried',
  frequency_penalty: 'hint',
  logit_bias: 'hint',
  presence_penalty: 'hint',
  best_of: 'refused',
  echo: 'refused',
  logprobs: 'refused',
  n: 'refused',
  suffix: 'refused',
} as const satisfies Readonly<Record<string, FieldFate>>;

/** What a chat cannot do, unless it has the value that means the same as leaving it out. */
const TEXT_ONLY: Readonly<Record<string, readonly unknown[]>> = {
  echo: [false],
  logprobs: [],
  suffix: [''],
  best_of: [1],
  n: [1],
};

const PROBLEM = 'a model that chats has no such option for a completed text; leave it out';

/**
 * A completion, for a worker that only chats: its prompt is the one message of the user. Other fields mean the same in both.
 * https://platform.openai.com/docs/api-reference/completions/create
 * @param messages the prompt as a message, as `readInput` has read it
 * @throws UnsupportedFieldError
 */
export function completionAsChat(body: Body, messages: TemplateInput['messages']): OpenAiChat {
  const { prompt: _prompt, model, ...fields } = body;
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const neutral = Object.hasOwn(TEXT_ONLY, name) ? TEXT_ONLY[name] : undefined;
    if (neutral === undefined) options[name] = value;
    else if (value !== null && !neutral.includes(value)) throw new UnsupportedFieldError(name, PROBLEM);
  }
  return { ...options, model: String(model), messages: messages as OpenAiChat['messages'] };
}
