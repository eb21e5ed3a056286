import type { JsonValue } from '../../template/json-value.js';

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
