import { randomUUID } from 'node:crypto';
import { isJsonObject } from '../../input/json.js';
import type { ChatAnswer, ChatEvent, ExtraContent } from './chat.js';

interface Extra {
  readonly extra_content?: ExtraContent;
}

/** An id for a call that has none. Clients keep the calls of a whole chat by id, so each id is unique. */
export function newCallId(): string {
  return `call_${randomUUID().replaceAll('-', '')}`;
}

/** The thought signature of Gemini in the `extra_content` of a tool call. */
export function signatureIn(extra: unknown): string | undefined {
  const google = isJsonObject(extra) ? extra['google'] : undefined;
  const signature = isJsonObject(google) ? google['thought_signature'] : undefined;
  return typeof signature === 'string' && signature !== '' ? signature : undefined;
}

/** The fields of a tool call that carry a signature. */
export function signed(signature: string | undefined): Extra {
  return signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } };
}

export function extraOf({ extra_content }: Extra): Extra {
  return extra_content === undefined ? {} : { extra_content };
}

/** A whole answer as the events of a stream. */
export function eventsOf({ text, reasoning, toolCalls, finish, usage }: ChatAnswer): readonly ChatEvent[] {
  return [
    ...(reasoning === undefined ? [] : [{ kind: 'reasoning', text: reasoning } as const]),
    ...(text === null ? [] : [{ kind: 'text', text } as const]),
    ...toolCalls.map(
      (call, index) =>
        ({ kind: 'tool_call', index, id: call.id, ...call.function, ...extraOf(call) }) as const,
    ),
    { kind: 'finish', reason: finish },
    ...(usage === null ? [] : [{ kind: 'usage', usage } as const]),
  ];
}
