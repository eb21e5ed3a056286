export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isSame = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

/** The merge patch that makes `after` of `before`: what was touched, and null for what was taken away. [RFC 7396] */
export function patchOf(before: JsonObject, after: JsonObject): JsonObject {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed = [...names].filter((name) => !isSame(before[name] ?? null, after[name] ?? null));
  return Object.fromEntries(
    changed.map((name) => {
      const [was, is] = [before[name], after[name] ?? null];
      return [name, isObject(was) && isObject(is) ? patchOf(was, is) : is];
    }),
  );
}

/** An object, or what is wrong with the text, with its line. */
export function readObject(text: string): JsonObject | string {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : 'line 1: must be a JSON object';
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const position = /position (\d+)/.exec(message)?.[1];
    const at = position === undefined ? text.length : Number(position);
    const line = /line (\d+)/.exec(message)?.[1] ?? text.slice(0, at).split('\n').length;
    return `line ${line}: ${message.replace(/ in JSON.*/, '')}`;
  }
}

export const pretty = (value: unknown): string => JSON.stringify(value, null, 2);
