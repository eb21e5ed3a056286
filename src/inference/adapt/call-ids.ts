import { createHash } from 'node:crypto';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat, OpenAiMessage } from '../chat/chat.js';

/** "Tool call id must be a-z, A-Z, 0-9, with a length of 9": https://docs.mistral.ai/api/endpoint/chat */
const OF_MISTRAL = /^[a-zA-Z0-9]{9}$/;

/**
 * Ids of calls that the server takes: chats come from servers with ids of their own. The same id becomes the same one in each
 * turn, two become two, and a result stays with its call.
 */
export function withCallIds(
  chat: OpenAiChat,
  { call_ids: whose }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  if (whose !== 'mistral') return chat;
  const sent = idsForMistral(chat.messages.flatMap(idsIn));
  if (sent.size === 0) return chat;
  note('messages: ids of tool calls shortened to nine letters and digits');
  const to = (id: unknown): unknown => (typeof id === 'string' ? (sent.get(id) ?? id) : id);
  return { ...chat, messages: chat.messages.map((message) => renamed(message, to)) };
}

/** What to send in place of the ids that Mistral refuses. */
export function idsForMistral(ids: readonly string[]): ReadonlyMap<string, string> {
  const sent = new Map<string, string>();
  const taken = new Set(ids.filter((id) => OF_MISTRAL.test(id)));
  for (const id of new Set(ids.filter((each) => !OF_MISTRAL.test(each)))) {
    let short = shortened(id, 0);
    for (let nth = 1; taken.has(short); nth++) short = shortened(id, nth);
    taken.add(short);
    sent.set(id, short);
  }
  return sent;
}

function idsIn({ tool_calls: calls, tool_call_id: result }: OpenAiMessage): readonly string[] {
  const ids = Array.isArray(calls) ? calls.map((call: { readonly id?: unknown } | null) => call?.id) : [];
  return [...ids, result].filter((id) => typeof id === 'string');
}

function shortened(id: string, nth: number): string {
  const digest = createHash('sha256').update(`${nth}:${id}`).digest('base64');
  return digest
    .replaceAll(/[^a-zA-Z0-9]/g, '')
    .slice(0, 9)
    .padEnd(9, '0');
}

function renamed(message: OpenAiMessage, to: (id: unknown) => unknown): OpenAiMessage {
  const { tool_calls: calls, tool_call_id: result } = message;
  if (!Array.isArray(calls) && result === undefined) return message;
  return {
    ...message,
    ...(Array.isArray(calls)
      ? {
          tool_calls: calls.map((call: object & { readonly id?: unknown }) => ({ ...call, id: to(call.id) })),
        }
      : {}),
    ...(result === undefined ? {} : { tool_call_id: to(result) }),
  } as OpenAiMessage;
}
