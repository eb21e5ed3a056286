import { randomUUID } from 'node:crypto';
import { isJsonObject, type JsonObject, parsedOrUndefined } from './json.js';
import { cutEach, type SourceStep } from './json-source.js';

/** Texts of parsed objects that print otherwise: digits beyond a double's, 1.0, keys that are numbers. */
const texts = new WeakMap<object, string>();

/** Stands for a text while JSON is printed; no client can know it. */
const MARK = `exact-${randomUUID()}-`;
const MARKS = new RegExp(`"${MARK}(\\d+)"`, 'g');

/** The texts behind the marks of what is being printed; `null`: JSON.stringify was called by others, whose digits are a double's. */
let printed: string[] | null = null;

class ExactObject {
  toJSON(): unknown {
    const text = texts.get(this);
    if (printed === null || text === undefined) return Object.fromEntries(Object.entries(this));
    printed.push(text);
    return `${MARK}${printed.length - 1}`;
  }
}

/** The object in a JSON text, which printJson prints as it came; `undefined`: the text is no JSON object. */
export function exactObject(text: string): JsonObject | undefined {
  const value = parsedOrUndefined(text);
  return isJsonObject(value) ? withText(value as JsonObject, text) : undefined;
}

/** JSON.parse, which keeps the texts of the objects at `path`; `null` in it is each element of a list. @throws SyntaxError */
export function parseExact(text: string, path: readonly SourceStep[]): unknown {
  const root: unknown = JSON.parse(text);
  const found = objectsAt(root, path, '').filter(({ object }) => mayPrintOtherwise(object));
  if (found.length === 0) return root;
  const sources = cutEach(text, path);
  for (const { object, at } of found) withText(object, sources.get(at) ?? JSON.stringify(object));
  return root;
}

/** The JSON text of a value: as it came, where that is known. */
export function jsonTextOf(value: object): string {
  return texts.get(value) ?? JSON.stringify(value);
}

/** JSON.stringify, in which objects with a known text are printed as they came. */
export function printJson(value: unknown): string {
  const marked: string[] = (printed = []);
  let text: string;
  try {
    text = JSON.stringify(value);
  } finally {
    printed = null;
  }
  return marked.length === 0 ? text : text.replace(MARKS, (_, index: string) => marked[Number(index)] ?? '');
}

/** Only what holds a digit prints otherwise: a number, a key that is one, or an escaped character. */
function withText(object: JsonObject, text: string): JsonObject {
  if (!/\d/.test(text) || JSON.stringify(object) === text) return object;
  // A lone surrogate is no UTF-8: escaped it is.
  texts.set(
    object,
    text.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`),
  );
  return Object.setPrototypeOf(object, ExactObject.prototype) as JsonObject;
}

interface Found {
  readonly object: JsonObject;
  /** The indexes of the path. */
  readonly at: string;
}

function objectsAt(value: unknown, [step, ...rest]: readonly SourceStep[], at: string): readonly Found[] {
  if (step === undefined) return isJsonObject(value) ? [{ object: value as JsonObject, at }] : [];
  if (step === null)
    return Array.isArray(value)
      ? value.flatMap((each, index) => objectsAt(each, rest, at === '' ? `${index}` : `${at}.${index}`))
      : [];
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return [];
  return objectsAt((value as Readonly<Record<string | number, unknown>>)[step], rest, at);
}

function mayPrintOtherwise(value: unknown): boolean {
  if (typeof value === 'number') return true;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(mayPrintOtherwise);
  return Object.entries(value).some(([key, each]) => /^\d/.test(key) || mayPrintOtherwise(each));
}
