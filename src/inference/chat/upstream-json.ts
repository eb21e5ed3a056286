import { isJsonObject } from '../../input/json.js';
import { ProtocolError } from './chat-errors.js';
import type { Fields } from './json.js';

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
