import { InvalidInputError } from '../../input/input-errors.js';

/** Where a value stands in a body, in bytes. */
export interface Span {
  readonly start: number;
  /** Behind its last byte. */
  readonly end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const BYTE_ORDER_MARK = 0xef;

/**
 * Finds fields of the outermost object without parsing the rest, which is nobody's business here: a body is passed on
 * byte for byte. UTF-8 keeps JSON's own signs apart from the bytes of other characters.
 * @throws InvalidInputError when the body is no JSON object as far as it has to be read, or holds a field twice: readers
 *   do not agree on which of the two counts. `names` are in lower case.
 */
export function findFields(body: Buffer, names: ReadonlySet<string>): ReadonlyMap<string, Span> {
  const found = new Map<string, Span>();
  const seen = new Set<string>();
  // Most readers pass over a byte order mark; it is no part of the JSON.
  let at = skipSpace(body, body[0] === BYTE_ORDER_MARK ? 3 : 0);
  if (body[at] !== OPEN_OBJECT) throw malformed('it must be a JSON object');
  at = skipSpace(body, at + 1);
  if (body[at] === CLOSE_OBJECT) return endOf(body, at, found);
  for (;;) {
    const keyEnd = skipString(body, at);
    const name = textAt(body, { start: at, end: keyEnd });
    at = skipSpace(body, keyEnd);
    if (body[at] !== COLON) throw malformed(`a colon is missing at byte ${at}`);
    const start = skipSpace(body, at + 1);
    const end = skipValue(body, start);
    // Go's readers take `Model` for `model`, too, and whichever comes last.
    const folded = name.toLowerCase();
    if (names.has(folded)) {
      if (seen.has(folded))
        throw new InvalidInputError([{ field: folded, problem: 'stands there twice: leave one out' }]);
      seen.add(folded);
      if (name === folded) found.set(name, { start, end });
    }
    at = skipSpace(body, end);
    if (body[at] === CLOSE_OBJECT) return endOf(body, at, found);
    if (body[at] !== COMMA) throw malformed(`a comma is missing at byte ${at}`);
    at = skipSpace(body, at + 1);
  }
}

/** The value of a field, parsed. @throws InvalidInputError */
export function valueAt(body: Buffer, { start, end }: Span): unknown {
  try {
    return JSON.parse(body.toString('utf8', start, end));
  } catch {
    throw malformed(`what stands at byte ${start} is no JSON value`);
  }
}

/** Where the value that begins here stands. @throws InvalidInputError when it does not end */
export function spanAt(body: Buffer, start: number): Span {
  return { start, end: skipValue(body, start) };
}

/** The body with another value in this place; every other byte as it was. */
export function withValue(body: Buffer, { start, end }: Span, value: string): Buffer {
  return Buffer.concat([body.subarray(0, start), Buffer.from(value), body.subarray(end)]);
}

function endOf(body: Buffer, at: number, found: ReadonlyMap<string, Span>): ReadonlyMap<string, Span> {
  if (skipSpace(body, at + 1) < body.length)
    throw malformed(`something follows the object at byte ${at + 1}`);
  return found;
}

function textAt(body: Buffer, span: Span): string {
  const { start, end } = span;
  // Spelled with escapes, `model` is still the model.
  if (body.subarray(start, end).includes(BACKSLASH)) return String(valueAt(body, span));
  return body.toString('utf8', start + 1, end - 1);
}

function skipSpace(body: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = body[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}

/** @returns behind the closing quote */
function skipString(body: Buffer, from: number): number {
  if (body[from] !== QUOTE) throw malformed(`a name in quotes is missing at byte ${from}`);
  let at = from + 1;
  for (;;) {
    const quote = body.indexOf(QUOTE, at);
    if (quote === -1) throw malformed(`the text that begins at byte ${from} does not end`);
    let escapes = 0;
    while (body[quote - 1 - escapes] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

/** @returns behind the value; what nests is passed over without recursion, however deep */
function skipValue(body: Buffer, from: number): number {
  const first = body[from];
  if (first === QUOTE) return skipString(body, from);
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) return skipWord(body, from);
  let depth = 0;
  for (let at = from; at < body.length; at++) {
    const byte = body[at];
    if (byte === QUOTE) at = skipString(body, at) - 1;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth--;
      if (depth === 0) return at + 1;
    }
  }
  throw malformed(`what begins at byte ${from} does not end`);
}

/** A number, true, false or null. */
function skipWord(body: Buffer, from: number): number {
  let at = from;
  while (at < body.length && isWordByte(body[at] ?? 0)) at++;
  if (at === from) throw malformed(`a value is missing at byte ${from}`);
  return at;
}

function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x45 ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  );
}

function malformed(problem: string): InvalidInputError {
  return new InvalidInputError([{ field: '', problem: `the body is not valid JSON: ${problem}` }]);
}
