import type { JsonValue } from '../../template/json-value.js';

export type JsonObject = Readonly<Record<string, JsonValue>>;

/** The fields that have a value. */
export function present(fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, JsonValue] => field[1] !== undefined),
  );
}

/** Whether this JSON text is an object, so that nothing can follow that would make sense. */
export function isWholeObject(text: string): boolean {
  // Most often not even the last character fits.
  if (!text.trimEnd().endsWith('}')) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The parsed JSON text; `undefined`, which is no JSON value, when it is not JSON. */
export function parsedOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
