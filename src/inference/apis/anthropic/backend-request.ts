import { type JsonValue, type JsonObject, present } from '../../../input/json.js';
import type { Profile } from '../../../registry/profiles/profile.dto.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { UnsupportedFieldError } from '../../chat/chat-errors.js';
import { rejectOpenAiOnlyFields } from '../../chat/chat-fields.js';
import {
  answerFormatOf,
  maxTokensOf,
  stopsOf,
  type Tool,
  type ToolChoice,
  toolChoiceOf,
  toolsOf,
} from '../../chat/options.js';
import {
  conversationOf,
  type UserTurn,
  type Result,
  type Conversation,
  type AssistantTurn,
} from '../../chat/conversation.js';
import type { ContentPart, Media } from '../../chat/content-parts.js';
import type { Call } from '../../chat/tool-calls.js';
import { withThinking } from '../../chat/thinking-blocks.js';
import { anthropicSampling, defaultMaxTokens, effortOf } from './model-limits.js';
import { thinkingOf } from './thinking.js';

/**
 * A chat as the body of POST /v1/messages, as the types of @anthropic-ai/sdk describe it.
 * @throws UnsupportedFieldError
 */
export function anthropicRequest(chat: OpenAiChat, profile: Profile): JsonObject {
  rejectOpenAiOnlyFields(chat);
  const conversation = conversationOf(chat.messages);
  const stops = stopsOf(chat);
  const tools = toolsOf(chat);
  const choice = toolChoiceOf(chat, tools);
  const maxTokens = maxTokensOf(chat) ?? defaultMaxTokens(profile);
  const { field: thinking, sendsBlocks } = thinkingOf(chat, conversation, choice, maxTokens, profile);
  const thinks = thinking !== undefined && thinking['type'] !== 'disabled';
  return present({
    model: chat.model,
    max_tokens: maxTokens,
    system: conversation.system === '' ? undefined : conversation.system,
    messages: anthropicMessages(conversation, sendsBlocks, profile),
    ...toolFields(chat, tools, choice),
    ...anthropicSampling(chat, thinks),
    stop_sequences: stops.length === 0 ? undefined : stops,
    thinking,
    output_config: outputConfig(chat, profile),
    metadata: metadataOf(chat),
    stream: chat.stream === true ? true : undefined,
  });
}

function toolFields(
  chat: OpenAiChat,
  tools: readonly Tool[],
  choice: ToolChoice | undefined,
): Readonly<Record<string, JsonValue | undefined>> {
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
    // Anthropic requires the type.
    input_schema: { type: 'object', ...parameters },
    strict: strict ? true : undefined,
  });
}

/** `json_object` needs no field: OpenAI requires the messages themselves to request JSON. */
function outputConfig(chat: OpenAiChat, profile: Profile): JsonValue | undefined {
  const wanted = answerFormatOf(chat);
  const format =
    wanted === 'text' || wanted.schema === null ? undefined : { type: 'json_schema', schema: wanted.schema };
  const effort = effortOf(chat, profile);
  return format === undefined && effort === undefined ? undefined : present({ effort, format });
}

/** An opaque id of the end user, against abuse; `user` is the older field of OpenAI. */
function metadataOf(chat: OpenAiChat): JsonValue | undefined {
  const user = chat['safety_identifier'] ?? chat.user;
  return typeof user === 'string' && user !== '' ? { user_id: user } : undefined;
}

/** The four of `Base64ImageSource` in @anthropic-ai/sdk. */
const IMAGES: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

/** @throws UnsupportedFieldError */
function anthropicMessages(
  { turns }: Conversation,
  sendsThinking: boolean,
  { prefill }: Profile,
): readonly JsonObject[] {
  const ids = new CallIds();
  const messages = turns.map((turn, index) => ({
    role: turn.role,
    content:
      turn.role === 'user'
        ? userBlocks(turn, ids)
        : assistantBlocks(index === turns.length - 1 ? trimmed(turn) : turn, ids, sendsThinking),
  }));
  return prefill || turns.at(-1)?.role === 'user' ? messages : [...messages, CONTINUE];
}

const CONTINUE: JsonObject = { role: 'user', content: [{ type: 'text', text: 'Continue.' }] };

/** "Final assistant content cannot end with trailing whitespace": https://platform.claude.com/docs/en/api/errors */
function trimmed(turn: AssistantTurn): AssistantTurn {
  const last = turn.texts.at(-1);
  return last === undefined ? turn : { ...turn, texts: [...turn.texts.slice(0, -1), last.trimEnd()] };
}

/** Anthropic requires the results first in the turn after the calls. */
function userBlocks({ results, parts }: UserTurn, ids: CallIds): readonly JsonObject[] {
  return [...results.map((result) => resultBlock(result, ids)), ...parts.map(block)];
}

function assistantBlocks(
  { thinking, texts, calls }: AssistantTurn,
  ids: CallIds,
  sendsThinking: boolean,
): readonly JsonObject[] {
  const used = calls.map((call) => ({
    type: 'tool_use',
    id: ids.take(call),
    name: call.name,
    input: call.input,
  }));
  const spoken: readonly JsonObject[] = [...texts.map((text) => ({ type: 'text', text })), ...used];
  return sendsThinking ? withThinking(spoken, thinking) : spoken;
}

function resultBlock({ call, parts }: Result, ids: CallIds): JsonObject {
  return present({
    type: 'tool_result',
    tool_use_id: ids.of(call),
    content: parts.length === 0 ? undefined : parts.map(block),
  });
}

function block(part: ContentPart): JsonObject {
  switch (part.kind) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image':
      return { type: 'image', source: imageSource(part.media, part.field) };
    case 'file':
      return present({
        type: 'document',
        source: documentSource(part.media, part.field),
        title: part.name,
      });
    case 'audio':
      throw new UnsupportedFieldError(
        part.field,
        'audio is not supported by Anthropic workers; use text, image_url or file',
      );
  }
}

function imageSource(media: Media, field: string): JsonValue {
  if ('url' in media) return { type: 'url', url: media.url };
  const mediaType = media.mediaType === 'image/jpg' ? 'image/jpeg' : media.mediaType;
  if (!IMAGES.has(mediaType))
    throw new UnsupportedFieldError(
      field,
      `image type "${mediaType}" is not supported by Anthropic workers; use JPEG, PNG, GIF or WebP`,
    );
  return { type: 'base64', media_type: mediaType, data: media.base64 };
}

function documentSource(media: Media, field: string): JsonValue {
  if ('url' in media) return { type: 'url', url: media.url };
  if (media.mediaType === 'application/pdf')
    return { type: 'base64', media_type: media.mediaType, data: media.base64 };
  if (media.mediaType.startsWith('text/'))
    return { type: 'text', media_type: 'text/plain', data: Buffer.from(media.base64, 'base64').toString() };
  throw new UnsupportedFieldError(
    field,
    `file type "${media.mediaType}" is not supported by Anthropic workers; use PDF or text`,
  );
}

/** Anthropic requires ids that are unique in a request, of letters, digits, _ and -. */
class CallIds {
  private readonly byCall = new Map<Call, string>();
  private readonly taken = new Map<string, number>();

  take(call: Call): string {
    const clean = call.id.replaceAll(/[^a-zA-Z0-9_-]/g, '_') || 'call';
    let id = clean;
    // Counts on from the last number: a thousand calls of the same name must not take a million look-ups.
    for (let nth = (this.taken.get(clean) ?? 0) + 1; this.taken.has(id); nth++) {
      id = `${clean}_${nth}`;
      this.taken.set(clean, nth);
    }
    this.taken.set(id, this.taken.get(id) ?? 1);
    this.byCall.set(call, id);
    return id;
  }

  of(call: Call): string {
    return this.byCall.get(call) ?? call.id;
  }
}
