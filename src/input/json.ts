/** Nesting that a request may have. Deeper JSON has no use here, and recursion elsewhere may not survive it. */
export const DEEPEST_JSON = 64;

export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a parsed JSON value nests deeper than `limit`, without recursion and without visiting what lies deeper. */
export function isDeeperThan(limit: number, value: unknown): boolean {
  if (Buffer.isBuffer(value)) return false;
  let level: unknown[] = [value];
  for (let depth = 0; depth <= limit; depth++) {
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

export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };
