import { signatureIn } from '../../chat/extra-content.js';
import { UntranslatableError } from '../../chat/protocol-error.js';
import { isObject, type JsonObject } from './json-object.js';

/** A call of a tool that stands in the history. */
export interface Call {
  readonly id: string;
  readonly name: string;
  readonly input: JsonObject;
  /** Gemini's, as its own OpenAI-compatible API hands it out: https://ai.google.dev/gemini-api/docs/thought-signatures */
  readonly signature?: string;
  readonly field: string;
}

/** The calls of an assistant's message. @throws UntranslatableError */
export function callsOf(calls: unknown, field: string): readonly Call[] {
  if (calls === undefined || calls === null) return [];
  if (!Array.isArray(calls)) throw new UntranslatableError(field, 'must be a list');
  return (calls as unknown[]).map((call, index) => callOf(call, `${field}[${index}]`));
}

function callOf(call: unknown, field: string): Call {
  if (!isObject(call) || !isObject(call['function']))
    throw new UntranslatableError(field, 'must be the call of a function');
  const { id, function: called } = call;
  const { name, arguments: text } = called;
  if (typeof id !== 'string' || typeof name !== 'string')
    throw new UntranslatableError(field, 'must have an id and the name of its function');
  const signature = signatureIn(call['extra_content']);
  const input = inputOf(text, `${field}.function.arguments`);
  return { id, name, input, field, ...(signature === undefined ? {} : { signature }) };
}

/** Models write no text at all where a tool takes nothing. */
function inputOf(text: unknown, field: string): JsonObject {
  if (text === undefined || text === null || text === '') return {};
  const input = typeof text === 'string' ? parsed(text) : undefined;
  if (!isObject(input)) throw new UntranslatableError(field, 'must be the text of a JSON object');
  return input as JsonObject;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
