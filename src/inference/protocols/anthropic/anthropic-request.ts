import type { JsonValue } from '../../../template/json-value.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { UntranslatableError } from '../../chat/protocol-error.js';
import { type JsonObject, present } from '../from-openai/json-object.js';
import { answerFormatOf, maxTokensOf, refuseOnlyOpenAi, stopsOf } from '../from-openai/options.js';
import { type Tool, toolChoiceOf, toolsOf } from '../from-openai/tools.js';
import { conversationOf } from '../from-openai/turns.js';
import { effortOf, thinkingOf, usualMaxTokens } from './anthropic-effort.js';
import { anthropicMessages } from './anthropic-messages.js';
import { anthropicSampling } from './anthropic-sampling.js';

/**
 * A chat as the body of POST /v1/messages, which is described by the types of @anthropic-ai/sdk.
 * @throws UntranslatableError
 */
export function anthropicRequest(chat: OpenAiChat, upstreamModel: string): JsonObject {
  refuseOnlyOpenAi(chat);
  const conversation = conversationOf(chat.messages);
  const stops = stopSequences(chat);
  return present({
    model: upstreamModel,
    max_tokens: maxTokensOf(chat) ?? usualMaxTokens(upstreamModel),
    system: conversation.system === '' ? undefined : conversation.system,
    messages: anthropicMessages(conversation),
    ...toolFields(chat),
    ...anthropicSampling(chat, upstreamModel),
    stop_sequences: stops.length === 0 ? undefined : stops,
    thinking: thinkingOf(chat),
    output_config: outputConfig(chat, upstreamModel),
    metadata: metadataOf(chat),
    stream: chat.stream === true ? true : undefined,
  });
}

/** "All non-whitespace stop sequences work": https://platform.claude.com/docs/en/api/openai-sdk */
function stopSequences(chat: OpenAiChat): readonly string[] {
  const stops = stopsOf(chat);
  if (stops.some((stop) => stop.trim() === ''))
    throw new UntranslatableError('stop', 'must hold more than white space for Anthropic');
  return stops;
}

function toolFields(chat: OpenAiChat): Readonly<Record<string, JsonValue | undefined>> {
  const tools = toolsOf(chat);
  const choice = toolChoiceOf(chat, tools);
  if (tools.length === 0) return {};
  const single = chat.parallel_tool_calls === false ? true : undefined;
  const named = tools.map(toolDefinition);
  if (choice === 'none') return { tools: named, tool_choice: { type: 'none' } };
  if (choice === undefined && single === undefined) return { tools: named };
  const type =
    typeof choice === 'object' ? { type: 'tool', name: choice.name } : choice === 'required' ? ANY : AUTO;
  return { tools: named, tool_choice: present({ ...type, disable_parallel_tool_use: single }) };
}

const ANY = { type: 'any' };
const AUTO = { type: 'auto' };

function toolDefinition({ name, description, parameters, strict }: Tool): JsonObject {
  return present({
    name,
    description,
    // Anthropic wants the type said.
    input_schema: { type: 'object', ...parameters },
    strict: strict ? true : undefined,
  });
}

/** Of `json_object` nothing is left to say: OpenAI wants the messages to ask for JSON, and so they do. */
function outputConfig(chat: OpenAiChat, upstreamModel: string): JsonValue | undefined {
  const asked = answerFormatOf(chat);
  const format =
    asked === 'text' || asked.schema === null ? undefined : { type: 'json_schema', schema: asked.schema };
  const effort = effortOf(chat, upstreamModel);
  return format === undefined && effort === undefined ? undefined : present({ effort, format });
}

/** All of these are an opaque name of an end user, against abuse; `user` is OpenAI's older word for it. */
function metadataOf(chat: OpenAiChat): JsonValue | undefined {
  const user = chat['safety_identifier'] ?? chat.user;
  return typeof user === 'string' && user !== '' ? { user_id: user } : undefined;
}
