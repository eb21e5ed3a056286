import { ProtocolError } from './chat-errors.js';

type JsonFields = Readonly<Record<string, unknown>>;

/** @throws ProtocolError */
export function parseEvent(data: string): JsonFields {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (error) {
    throw new ProtocolError('an event of the stream is no JSON', { cause: error });
  }
  return objectOf(value, 'an event of the stream');
}

/** @throws ProtocolError */
export function objectOf(value: unknown, what: string): JsonFields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonFields;
  throw new ProtocolError(`${what} is no object`);
}

/** What is absent is an empty list. @throws ProtocolError */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value as unknown[];
  throw new ProtocolError(`${what} is no list`);
}

/** @throws ProtocolError */
export function textOf(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new ProtocolError(`${what} is no text`);
}

/** A count of tokens; of anything else, `undefined`: an answer is not thrown away for how it was counted. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
