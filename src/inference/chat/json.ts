import { isJsonObject, type JsonValue } from '../../input/json.js';
import { ProtocolError } from './chat-errors.js';

export type JsonObject = Readonly<Record<string, JsonValue>>;

/** An object whose values are not checked yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** Clients that write out every field send `null` for those that are not set. */
export function isPresent<Value>(value: Value): value is NonNullable<Value> {
  return value !== undefined && value !== null;
}

/** The fields that have a value. */
export function present(fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, JsonValue] => field[1] !== undefined),
  );
}

/** Whether this text is a complete JSON object, after which no more can follow. */
export function isCompleteObject(text: string): boolean {
  // Most often the last character decides already.
  return text.trimEnd().endsWith('}') && parsedOrUndefined(text) !== undefined;
}

/** The parsed JSON text; `undefined`, which is no JSON value, when it is not JSON. */
export function parsedOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @throws ProtocolError */
export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError('the answer is not JSON', { cause });
  }
}

/** @throws ProtocolError */
export function parseEvent(data: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (cause) {
    throw new ProtocolError('an event of the stream is not JSON', { cause });
  }
  return objectOf(value, 'an event of the stream');
}

/** @throws ProtocolError */
export function objectOf(value: unknown, what: string): Fields {
  if (isJsonObject(value)) return value;
  throw new ProtocolError(`${what} is not an object`);
}

/** An absent list is an empty one. @throws ProtocolError */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value as unknown[];
  throw new ProtocolError(`${what} is not a list`);
}

/** @throws ProtocolError */
export function textOf(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new ProtocolError(`${what} is not a string`);
}

/** A count of tokens; `undefined` for anything else: a wrong count does not spoil an answer. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
