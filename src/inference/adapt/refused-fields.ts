import { createHash } from 'node:crypto';
import { isPresent } from '../../input/json.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat, OpenAiMessage } from '../chat/chat.js';
import { stopsOf, without } from '../chat/options.js';

/** Temperature and top_p are hints: the model answers without them, too. */
export function withSampling(
  chat: OpenAiChat,
  { sampling }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  if (sampling === 'all') return chat;
  if (sampling === 'without_reasoning' && (chat['reasoning_effort'] ?? 'none') === 'none') return chat;
  const sent = ['temperature', 'top_p'].filter((name) => isPresent(chat[name]));
  const rejected = sampling !== 'one' ? sent : sent.length === 2 ? ['top_p'] : [];
  if (rejected.length === 0) return chat;
  for (const name of rejected) note(`${name}: left out`);
  return without(chat, rejected);
}

/** Stop sequences have a meaning: those that the server does not take are cut from the answer here. */
export function withStops(
  chat: OpenAiChat,
  { stop, most_stops: most }: Profile,
  note: (change: string) => void,
): { readonly chat: OpenAiChat; readonly cut: readonly string[] } {
  if (!isPresent(chat.stop)) return { chat, cut: [] };
  const all = [...new Set(stopsOf(chat))];
  const taken = stop === 'none' ? [] : stop === 'any' ? all : all.filter((text) => text.trim() !== '');
  const sent = taken.slice(0, most);
  const cut = all.filter((text) => !sent.includes(text));
  // Empty ones end nothing, and a second one nothing else: servers refuse or count them.
  const isAsSent = typeof chat.stop === 'string' ? sent.length === 1 : sent.length === chat.stop.length;
  if (isAsSent && sent.length > 0) return { chat, cut };
  if (cut.length > 0)
    note(`stop: ${cut.map((text) => JSON.stringify(text)).join(', ')} cut from the answer by this service`);
  const rest = without(chat, ['stop']);
  return { chat: sent.length === 0 ? rest : { ...rest, stop: sent }, cut };
}

/** Letters, digits and what joins them: no mail address, no name of two words. */
const OPAQUE = /^[\w.:|/+=~-]{1,256}$/;
/** Nothing but the characters of a phone number [ITU-T E.164: up to 15 digits]. */
const PHONE = /^\+?[\d.-]{7,20}$/;

/** An id of an end user may be a mail address, a phone number or a name: a hash is as good against abuse, and holds no name. */
export function withOpaqueUser(
  chat: OpenAiChat,
  { user_ids: rule }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  if (rule === 'any') return chat;
  const user = personal(chat.user);
  const safety = personal(chat['safety_identifier']);
  if (user === null && safety === null) return chat;
  note('user: sent as a hash');
  return {
    ...chat,
    ...(user === null ? {} : { user: hashOf(user) }),
    ...(safety === null ? {} : { safety_identifier: hashOf(safety) }),
  };
}

function personal(id: unknown): string | null {
  if (typeof id !== 'string' || id === '') return null;
  return OPAQUE.test(id) && !PHONE.test(id) ? null : id;
}

function hashOf(id: string): string {
  return `user-${createHash('sha256').update(id).digest('hex').slice(0, 32)}`;
}

/**
 * Gives the reasoning of earlier turns back in the field that the server knows, and in no other: some refuse unknown fields,
 * some refuse a tool call without its reasoning. The canonical message has `reasoning_content` and `thinking_blocks`.
 */
export function withReasoningHistory(
  chat: OpenAiChat,
  { reasoning_history: field }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  // The blocks are read, and the text left out, where the request of Anthropic is written.
  if (field === 'thinking_blocks') return chat;
  // A server that wants reasoning back refuses calls without it: those that another model made have none.
  const isAffected =
    field === 'none' ? hasReasoning : (message: OpenAiMessage) => hasReasoning(message) || hasCalls(message);
  if (!chat.messages.some(isAffected)) return chat;
  if (field !== 'reasoning_content')
    note(`messages: reasoning of earlier turns ${field === 'none' ? 'left out' : `sent as ${field}`}`);
  return { ...chat, messages: chat.messages.map((message) => withField(message, field)) };
}

function hasCalls({ tool_calls: calls }: OpenAiMessage): boolean {
  return Array.isArray(calls) && calls.length > 0;
}

function hasReasoning(message: OpenAiMessage): boolean {
  return message.reasoning_content !== undefined || message.thinking_blocks !== undefined;
}

function withField(message: OpenAiMessage, field: 'none' | 'reasoning_content' | 'reasoning'): OpenAiMessage {
  if (!hasReasoning(message) && (field === 'none' || !hasCalls(message))) return message;
  const { reasoning_content: text, thinking_blocks: _, ...others } = message;
  if (field === 'none') return others;
  const isText = typeof text === 'string' && text !== '';
  return isText || hasCalls(message) ? { ...others, [field]: isText ? text : '' } : others;
}
