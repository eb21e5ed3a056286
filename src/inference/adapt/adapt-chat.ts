import { isPresent } from '../../input/json.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat, OpenAiMessage } from '../chat/chat.js';
import { maxTokensOf, without } from '../chat/options.js';
import { allOf, type AnswerAdapter } from './answer-adapter.js';
import { withAnthropicSchemas } from './anthropic-schema.js';
import { withJsonObject, withSchemaBesideTools } from './answer-schema.js';
import { withCallIds } from './call-ids.js';
import { PrefixCutter } from './prefix-cutter.js';
import { withPropertyNames } from './property-names.js';
import { withOpaqueUser, withReasoningHistory, withSampling, withStops } from './refused-fields.js';
import { StopCutter } from './stop-cutter.js';
import { withItems, withStrictSchemas } from './strict-schemas.js';
import { withToolNames } from './tool-names.js';
import { withTurnOrder } from './turn-order.js';

/** A chat as the worker's server takes it. */
export interface AdaptedChat {
  readonly chat: OpenAiChat;
  /** Makes what its answers need; `null`: they stay as they come. */
  readonly adapter: (() => AnswerAdapter) | null;
  /** What was changed, for a dry run. */
  readonly changes: readonly string[];
}

/** One step: returns the chat itself where nothing has to change, and notes what it changes. */
type Step = (chat: OpenAiChat, profile: Profile, note: (change: string) => void) => OpenAiChat;

const ANY = (): boolean => true;
const hasTools = ({ tools }: OpenAiChat): boolean => isPresent(tools);
const hasFormat = (chat: OpenAiChat): boolean => isPresent(chat['response_format']);
const hasSchemas = (chat: OpenAiChat): boolean => hasTools(chat) || hasFormat(chat);
const hasCalls = ({ messages }: OpenAiChat): boolean =>
  messages.some(({ tool_calls: calls, tool_call_id: result }) => isPresent(calls) || isPresent(result));

/** In their order, each with the chats in which it may find something to change: most chats have neither tools nor schemas. */
const STEPS: readonly (readonly [isFor: (chat: OpenAiChat) => boolean, step: Step])[] = [
  [ANY, withoutEmptyTools],
  [hasCalls, withCalledTools],
  [hasFormat, withSchemaBesideTools],
  [hasFormat, withJsonObject],
  [hasSchemas, withAnthropicSchemas],
  [ANY, withOpaqueUser],
  [ANY, withTokenLimit],
  [ANY, withReasoningHistory],
  [ANY, withoutEmptyTurns],
  [ANY, withTurnOrder],
  [hasSchemas, withStrictSchemas],
  [hasTools, withItems],
  [ANY, withKnownRoles],
  [hasCalls, withCallIds],
  [ANY, withSampling],
  [ANY, withoutRejected],
  [ANY, withoutRejectedOfMessages],
];

/**
 * Changes a translated chat into one that the worker's server takes: hints that it refuses are left out, names and ids get a
 * form that it takes. Its meaning stays. Pure.
 * @throws UnsupportedFieldError for a field with a meaning that the server cannot take
 */
export function adaptChat(chat: OpenAiChat, profile: Profile): AdaptedChat {
  const changes: string[] = [];
  const note = (change: string): void => void changes.push(change);
  const adapted = STEPS.reduce(
    (each, [isFor, step]) => (isFor(each) ? step(each, profile, note) : each),
    chat,
  );
  const { chat: stopped, cut } = withStops(adapted, profile, note);
  const { chat: propertied, adapter: properties } = hasTools(stopped)
    ? withPropertyNames(stopped, profile, note)
    : { chat: stopped, adapter: null };
  const { chat: named, names } =
    hasTools(propertied) || hasCalls(propertied)
      ? withToolNames(propertied, profile, note)
      : { chat: propertied, names: null };
  const makers = [
    ...(properties === null ? [] : [properties]),
    ...(names === null ? [] : [() => names]),
    ...prefixCutters(named, profile),
    ...(cut.length === 0 ? [] : [() => new StopCutter(cut)]),
  ];
  return { chat: named, adapter: makers.length === 0 ? null : allOf(makers), changes };
}

/** For a server that repeats the beginning of the answer, which clients have. */
function prefixCutters(
  { messages }: OpenAiChat,
  { prefill_flag: repeats }: Profile,
): readonly (() => PrefixCutter)[] {
  const last = messages.at(-1);
  if (!repeats || last?.['prefix'] !== true || typeof last.content !== 'string') return [];
  const { content } = last;
  return [() => new PrefixCutter(content)];
}

/** A turn without text and calls, as a client keeps one that was interrupted while the model was thinking. */
function withoutEmptyTurns(chat: OpenAiChat, _profile: Profile, note: (change: string) => void): OpenAiChat {
  if (!chat.messages.some(isEmptyTurn)) return chat;
  note('messages: empty turns of the assistant left out');
  return { ...chat, messages: chat.messages.filter((message) => !isEmptyTurn(message)) };
}

const SAYS_NOTHING: ReadonlySet<string> = new Set(['name', 'reasoning_content', 'reasoning']);

function isEmptyTurn({ role, content, tool_calls: calls, ...rest }: OpenAiMessage): boolean {
  if (role !== 'assistant' || (Array.isArray(calls) && calls.length > 0)) return false;
  const isEmpty = !isPresent(content) || content.length === 0;
  return (
    isEmpty && !Object.entries(rest).some(([name, value]) => !SAYS_NOTHING.has(name) && isPresent(value))
  );
}

/** Servers refuse an empty list, and a choice without tools; Anthropic takes both. */
function withoutEmptyTools(chat: OpenAiChat, _profile: Profile, note: (change: string) => void): OpenAiChat {
  const { tools, tool_choice: choice, parallel_tool_calls: parallel } = chat;
  if (Array.isArray(tools) ? tools.length > 0 : isPresent(tools)) return chat;
  if (tools === undefined && choice === undefined && parallel === undefined) return chat;
  // Without tools a tool cannot be required: the server's own words say why.
  if (isPresent(choice) && choice !== 'auto' && choice !== 'none') return chat;
  note('tools: empty, left out with tool_choice and parallel_tool_calls');
  return without(chat, ['tools', 'tool_choice', 'parallel_tool_calls']);
}

/** The tools of earlier turns, none of which may be called: a client may have dropped them since. */
function withCalledTools(chat: OpenAiChat, profile: Profile, note: (change: string) => void): OpenAiChat {
  if (!profile.calls_need_tools || isPresent(chat.tools) || isPresent(chat.tool_choice)) return chat;
  const called = new Set(chat.messages.flatMap(calledIn));
  if (called.size === 0) return chat;
  note('tools: those that were called before, with the choice of none');
  const tools = [...called].map((name) => ({
    type: 'function' as const,
    function: { name, parameters: { type: 'object' } },
  }));
  return { ...chat, tools, tool_choice: 'none' };
}

function calledIn({ tool_calls: calls }: OpenAiMessage): readonly string[] {
  if (!Array.isArray(calls)) return [];
  // What is no call is for the checks that come after.
  const names = calls.map((call: { function?: { name?: unknown } } | null) => call?.function?.name);
  return names.filter((name) => typeof name === 'string');
}

function withKnownRoles(chat: OpenAiChat, profile: Profile, note: (change: string) => void): OpenAiChat {
  if (profile.developer_role || !chat.messages.some(({ role }) => role === 'developer')) return chat;
  note('messages: the role developer sent as system');
  const messages = chat.messages.map((message) =>
    message.role === 'developer' ? { ...message, role: 'system' } : message,
  );
  return { ...chat, messages };
}

function withTokenLimit(chat: OpenAiChat, profile: Profile, note: (change: string) => void): OpenAiChat {
  const limit = maxTokensOf(chat);
  if (limit === undefined) return chat;
  const { max_output_tokens: most } = profile;
  const name = profile.token_limit ?? 'max_tokens';
  const lowered = most === null ? limit : Math.min(limit, most);
  const other = name === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
  if (lowered === limit && !isPresent(chat[other])) return chat;
  if (lowered !== limit) note(`${name}: lowered from ${limit} to ${lowered}`);
  if (isPresent(chat[other])) note(`${other}: sent as ${name}`);
  return { ...without(chat, [other]), [name]: lowered };
}

function withoutRejected(
  chat: OpenAiChat,
  { rejects, translated_without: refused }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  if (rejects.length + refused.length === 0) return chat;
  const rejected = [...rejects, ...refused].filter((name) => chat[name] !== undefined);
  if (rejected.length === 0) return chat;
  for (const name of rejected) note(`${name}: left out`);
  return without(chat, rejected);
}

function withoutRejectedOfMessages(
  chat: OpenAiChat,
  { message_rejects: refused }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  const found = refused.filter((name) => chat.messages.some((message) => message[name] !== undefined));
  if (found.length === 0) return chat;
  for (const name of found) note(`messages[].${name}: left out`);
  const messages = chat.messages.map((message) => withoutNames(message, found));
  return { ...chat, messages };
}

function withoutNames(message: OpenAiMessage, names: readonly string[]): OpenAiMessage {
  return Object.fromEntries(
    Object.entries(message).filter(([name]) => !names.includes(name)),
  ) as OpenAiMessage;
}
