import { createHash } from 'node:crypto';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat, OpenAiMessage } from '../chat/chat.js';

interface IdRule {
  readonly fits: (id: string) => boolean;
  /** One that fits, from the SHA-256 of another in letters and digits. */
  readonly made: (digest: string) => string;
  readonly note: string;
}

/** Of an id, in characters. */
export const LONGEST_OF_OPENAI = 40;

/** Vendors that refuse ids of others. */
const RULES: Readonly<Partial<Record<Profile['call_ids'], IdRule>>> = {
  // "Tool call id must be a-z, A-Z, 0-9, with a length of 9": https://docs.mistral.ai/api/endpoint/chat
  mistral: {
    fits: (id) => /^[a-zA-Z0-9]{9}$/.test(id),
    made: (digest) => digest.slice(0, 9).padEnd(9, '0'),
    note: 'nine letters and digits',
  },
  // "Expected a string with maximum length 40": https://github.com/vercel/ai/issues/5171
  openai: {
    fits: (id) => id.length <= LONGEST_OF_OPENAI,
    made: (digest) => `call_${digest.slice(0, 24)}`,
    note: `${LONGEST_OF_OPENAI} characters`,
  },
};

/**
 * Ids of calls that the server takes: chats come from servers with ids of their own. The same id becomes the same one in each
 * turn, two become two, and a result stays with its call.
 */
export function withCallIds(
  chat: OpenAiChat,
  { call_ids: whose }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  const rule = RULES[whose];
  if (rule === undefined) return chat;
  const sent = idsFor(whose, chat.messages.flatMap(idsIn));
  if (sent.size === 0) return chat;
  note(`messages: ids of tool calls shortened to ${rule.note}`);
  const to = (id: unknown): unknown => (typeof id === 'string' ? (sent.get(id) ?? id) : id);
  return { ...chat, messages: chat.messages.map((message) => renamed(message, to)) };
}

/** Whether ids of other servers have to be replaced. */
export function replacesIds(whose: Profile['call_ids']): boolean {
  return RULES[whose] !== undefined;
}

/** What to send in place of the ids that a vendor refuses. */
export function idsFor(whose: Profile['call_ids'], ids: readonly string[]): ReadonlyMap<string, string> {
  const sent = new Map<string, string>();
  const rule = RULES[whose];
  if (rule === undefined) return sent;
  const taken = new Set(ids.filter(rule.fits));
  for (const id of new Set(ids.filter((each) => !rule.fits(each)))) {
    let short = rule.made(digestOf(id, 0));
    for (let nth = 1; taken.has(short); nth++) short = rule.made(digestOf(id, nth));
    taken.add(short);
    sent.set(id, short);
  }
  return sent;
}

function idsIn({ tool_calls: calls, tool_call_id: result }: OpenAiMessage): readonly string[] {
  const ids = Array.isArray(calls) ? calls.map((call: { readonly id?: unknown } | null) => call?.id) : [];
  return [...ids, result].filter((id) => typeof id === 'string');
}

function digestOf(id: string, nth: number): string {
  const digest = createHash('sha256').update(`${nth}:${id}`).digest('base64');
  return digest.replaceAll(/[^a-zA-Z0-9]/g, '');
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
