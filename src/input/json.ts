export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export type JsonObject = Readonly<Record<string, JsonValue>>;

/** An object whose values are not checked yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** How deep a value of a request may nest. Deeper JSON has no use here, and recursion elsewhere may not survive it. */
export const DEEPEST_JSON = 64;
/** The fault of a value that nests deeper. */
export const TOO_DEEP = `must not be nested deeper than ${DEEPEST_JSON} levels`;

export function isJsonObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Whether a parsed JSON value nests deeper than `levels`: `{}` is one level, `{"a": {}}` two. Without recursion, and without
 * visiting what lies deeper.
 */
export function isDeeperThan(levels: number, value: unknown): boolean {
  if (Buffer.isBuffer(value)) return false;
  let level: unknown[] = [value];
  for (let depth = 0; depth < levels; depth++) {
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue;
      for (const child of Object.values(item))
        if (typeof child === 'object' && child !== null) next.push(child);
    }
    if (next.length === 0) return false;
    level = next;
  }
  return true;
}

/** The kind of the value that was sent, for the end of a fault. The value itself may be long or private. */
export function describeValue(value: unknown): string {
  if (value === undefined) return '; it is missing';
  if (value === null) return ', not null';
  if (typeof value === 'number' || typeof value === 'boolean') return `, not ${value}`;
  if (typeof value === 'string') return value === '' ? ', not an empty string' : ', not this string';
  if (Array.isArray(value)) return value.length === 0 ? ', not an empty list' : ', not a list';
  return ', not an object';
}

/** Clients that write out every field send `null` for those that are not set. */
export function isPresent<Value>(value: Value): value is NonNullable<Value> {
  return value !== undefined && value !== null;
}

/** The fields that have a value. */
export function present(fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const kept: Record<string, JsonValue> = {};
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
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
