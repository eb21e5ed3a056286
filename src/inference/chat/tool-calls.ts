import { randomUUID } from 'node:crypto';
import { exactObject } from '../../input/exact-json.js';
import { isJsonObject, isPresent, type JsonObject } from '../../input/json.js';
import type { ChatAnswer, ChatEvent, ExtraContent } from './chat.js';
import { UnsupportedFieldError } from './chat-errors.js';

interface Extra {
  readonly extra_content?: ExtraContent;
}

/** A tool call of an earlier turn. */
export interface Call {
  readonly id: string;
  readonly name: string;
  readonly input: JsonObject;
  /** Of Gemini, as its own OpenAI-compatible API returns it: https://ai.google.dev/gemini-api/docs/thought-signatures */
  readonly signature?: string;
  readonly field: string;
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
export function eventsOf({
  text,
  reasoning,
  thinkingBlocks,
  toolCalls,
  finish,
  stopSequence,
  usage,
}: ChatAnswer): readonly ChatEvent[] {
  return [
    ...(reasoning === undefined ? [] : [{ kind: 'reasoning', text: reasoning } as const]),
    ...(text === null ? [] : [{ kind: 'text', text } as const]),
    ...toolCalls.map(
      (call, index) =>
        ({ kind: 'tool_call', index, id: call.id, ...call.function, ...extraOf(call) }) as const,
    ),
    ...(thinkingBlocks === undefined ? [] : [{ kind: 'thinking_blocks', blocks: thinkingBlocks } as const]),
    { kind: 'finish', reason: finish, ...(stopSequence === undefined ? {} : { stopSequence }) },
    ...(usage === null ? [] : [{ kind: 'usage', usage } as const]),
  ];
}

/** @throws UnsupportedFieldError */
export function callsOf(calls: unknown, field: string): readonly Call[] {
  if (!isPresent(calls)) return [];
  if (!Array.isArray(calls)) throw new UnsupportedFieldError(field, 'must be a list of tool calls');
  return (calls as unknown[]).map((call, index) => callOf(call, `${field}[${index}]`));
}

function callOf(call: unknown, field: string): Call {
  const called = isJsonObject(call) ? call['function'] : undefined;
  if (!isJsonObject(call) || !isJsonObject(called))
    throw new UnsupportedFieldError(field, 'must be a function call: an object with id and function');
  const { id } = call;
  const { name, arguments: text } = called;
  if (typeof id !== 'string' || typeof name !== 'string')
    throw new UnsupportedFieldError(field, 'must have an id and a function.name');
  const signature = signatureIn(call['extra_content']);
  const input = inputOf(text, `${field}.function.arguments`);
  return { id, name, input, field, ...(signature === undefined ? {} : { signature }) };
}

/** Models send no text at all for a tool without parameters. Text that is no object, such as a cut one, is kept in one. */
function inputOf(text: unknown, field: string): JsonObject {
  if (text === undefined || text === null || text === '') return {};
  if (typeof text !== 'string') throw new UnsupportedFieldError(field, 'must be a string: a JSON object');
  return exactObject(text) ?? { arguments: text };
}
