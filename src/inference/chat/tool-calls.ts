import { randomUUID } from 'node:crypto';
import type { ChatEvent, ChatAnswer, ExtraContent } from './chat.js';

interface Extra {
  readonly extra_content?: ExtraContent;
}

/** The signature of Gemini's thoughts, as calls carry it in OpenAI's words. */
export function signatureIn(extra: unknown): string | undefined {
  const google = memberOf(extra, 'google');
  const signature = memberOf(google, 'thought_signature');
  return typeof signature === 'string' && signature !== '' ? signature : undefined;
}

/** The fields of a call that carry one. */
export function signed(signature: string | undefined): Extra {
  return signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } };
}

/** What of a call's fields is such, to be carried on. */
export function extraOf({ extra_content }: Extra): Extra {
  return extra_content === undefined ? {} : { extra_content };
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : null;
}

/** The events of an answer that came whole. */
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

/** Of a call that came without one. Clients keep the calls of a whole chat by their ids, so none comes twice. */
export function newCallId(): string {
  return `call_${randomUUID().replaceAll('-', '')}`;
}
