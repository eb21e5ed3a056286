import { InvalidInputError } from '../../input/input-errors.js';

/** The position of a value in a body, in bytes. */
export interface Span {
  readonly start: number;
  /** The byte after its last. */
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
 * Finds fields of the outermost object without parsing the rest, which is forwarded byte for byte. No byte of a longer
 * UTF-8 character equals a delimiter of JSON. `names` are in lower case.
 * @throws InvalidInputError when the body is not a JSON object as far as it is read, or holds a field twice: parsers do
 *   not agree on which of the two counts
 */
export function findFields(body: Buffer, names: ReadonlySet<string>): ReadonlyMap<string, Span> {
  const found = new Map<string, Span>();
  // A few names at most: a set would cost more.
  const seen: string[] = [];
  const lengths = lengthsOf(names);
  // Most parsers skip a byte order mark, which is not part of the JSON.
  let at = skipSpace(body, body[0] === BYTE_ORDER_MARK ? 3 : 0);
  if (body[at] !== OPEN_OBJECT) throw malformed('it must be a JSON object');
  at = skipSpace(body, at + 1);
  if (body[at] === CLOSE_OBJECT) return endOf(body, at, found);
  for (;;) {
    const keyStart = at;
    const keyEnd = skipString(body, at);
    at = skipSpace(body, keyEnd);
    if (body[at] !== COLON) throw malformed(`expected a colon at byte ${at}`);
    const start = skipSpace(body, at + 1);
    const end = skipValue(body, start);
    if (mayBeOneOf(lengths, body, keyStart + 1, keyEnd - 1)) {
      const name = textAt(body, { start: keyStart, end: keyEnd });
      // Go's parser matches `Model` with `model` as well, and the last one counts.
      const folded = name.toLowerCase();
      if (names.has(folded)) {
        if (seen.includes(folded))
          throw new InvalidInputError([
            { field: folded, problem: 'occurs twice (case is ignored): send it once' },
          ]);
        seen.push(folded);
        if (name === folded) found.set(name, { start, end });
      }
    }
    at = skipSpace(body, end);
    if (body[at] === CLOSE_OBJECT) return endOf(body, at, found);
    if (body[at] !== COMMA) throw malformed(`expected a comma at byte ${at}`);
    at = skipSpace(body, at + 1);
  }
}

/** Names for `findFields` and `withoutFields`. */
export function lowerCase(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()));
}

/**
 * The body without these fields of the outermost object; all other bytes stay the same. The same buffer when it has none.
 * @param names in lower case; case is ignored. Call after `findFields`, which checks the body
 */
export function withoutFields(body: Buffer, names: ReadonlySet<string>): Buffer {
  const opened = skipSpace(body, body[0] === BYTE_ORDER_MARK ? 3 : 0);
  const kept: Buffer[] = [];
  let hasRemoved = false;
  let separatorStart = opened + 1;
  let at = skipSpace(body, opened + 1);
  while (body[at] === QUOTE) {
    const start = at;
    const keyEnd = skipString(body, at);
    const name = textAt(body, { start, end: keyEnd });
    const end = skipValue(body, skipSpace(body, skipSpace(body, keyEnd) + 1));
    if (names.has(name.toLowerCase())) hasRemoved = true;
    // The first field that stays has no comma before it.
    else kept.push(body.subarray(kept.length === 0 && hasRemoved ? start : separatorStart, end));
    separatorStart = end;
    at = skipSpace(body, end);
    if (body[at] === COMMA) at = skipSpace(body, at + 1);
  }
  if (!hasRemoved) return body;
  return Buffer.concat([body.subarray(0, opened + 1), ...kept, body.subarray(separatorStart)]);
}

/** The value of a field, parsed. @throws InvalidInputError */
export function parsedSpan(body: Buffer, { start, end }: Span): unknown {
  try {
    return JSON.parse(body.toString('utf8', start, end));
  } catch {
    throw malformed(`invalid value at byte ${start}`);
  }
}

/** The position of the value that begins at `start`. @throws InvalidInputError when it does not end */
export function spanAt(body: Buffer, start: number): Span {
  return { start, end: skipValue(body, start) };
}

/** The items of the list that begins at `start`. @throws InvalidInputError when it does not end */
export function itemSpans(body: Buffer, start: number): readonly Span[] {
  return [...eachItemSpan(body, start)];
}

/** The same one by one: what comes behind the last that is taken is not read. @throws InvalidInputError */
export function* eachItemSpan(body: Buffer, start: number): Generator<Span, void, undefined> {
  let at = skipSpace(body, start + 1);
  while (body[at] !== CLOSE_ARRAY) {
    const item = spanAt(body, at);
    yield item;
    at = skipSpace(body, item.end);
    if (body[at] === COMMA) at = skipSpace(body, at + 1);
    else if (body[at] !== CLOSE_ARRAY) throw malformed(`expected a comma at byte ${at}`);
  }
}

/** The lengths of names as bits, found once for each of the sets, which are constants. */
const LENGTHS = new WeakMap<ReadonlySet<string>, number>();
/** A longer name counts as one of this length. */
const LONGEST_BIT = 31;

function lengthsOf(names: ReadonlySet<string>): number {
  let lengths = LENGTHS.get(names);
  if (lengths !== undefined) return lengths;
  lengths = 0;
  for (const { length } of names) lengths |= 1 << Math.min(length, LONGEST_BIT);
  LENGTHS.set(names, lengths);
  return lengths;
}

/**
 * Whether the bytes can spell one of the names, by their length: to read a name costs as much as to skip a message. A name with
 * escapes or letters beyond ASCII has another length.
 */
function mayBeOneOf(lengths: number, body: Buffer, start: number, end: number): boolean {
  if ((lengths & (1 << Math.min(end - start, LONGEST_BIT))) !== 0) return true;
  for (let at = start; at < end; at++) {
    const byte = body[at] ?? 0;
    if (byte === BACKSLASH || byte >= 0x80) return true;
  }
  return false;
}

function endOf(body: Buffer, at: number, found: ReadonlyMap<string, Span>): ReadonlyMap<string, Span> {
  if (skipSpace(body, at + 1) < body.length)
    throw malformed(`unexpected content after the object at byte ${at + 1}`);
  return found;
}

function textAt(body: Buffer, span: Span): string {
  const { start, end } = span;
  // A name may be written with escapes.
  for (let at = start; at < end; at++) if (body[at] === BACKSLASH) return String(parsedSpan(body, span));
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

/** @returns the position after the closing quote */
function skipString(body: Buffer, from: number): number {
  if (body[from] !== QUOTE) throw malformed(`expected a name in double quotes at byte ${from}`);
  let at = from + 1;
  for (;;) {
    const quote = body.indexOf(QUOTE, at);
    if (quote === -1) throw malformed(`unterminated text that begins at byte ${from}`);
    let escapes = 0;
    while (body[quote - 1 - escapes] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

/** @returns the position after the value; nested values are skipped without recursion, however deep */
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
  throw malformed(`unterminated value that begins at byte ${from}`);
}

/** A number, true, false or null. */
function skipWord(body: Buffer, from: number): number {
  let at = from;
  while (at < body.length && isWordByte(body[at] ?? 0)) at++;
  if (at === from) throw malformed(`expected a value at byte ${from}`);
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
