import { InvalidInputError } from '../../input/input-errors.js';
import type { Span } from './json-fields.js';
import { partHeaders } from './part-headers.js';

const CR = 0x0d;
const LF = 0x0a;
const DASH = 0x2d;
const BLANK_LINE = Buffer.from('\r\n\r\n');

/**
 * Where the text fields of a form stand (parts that are no file), in bytes [RFC 7578]. Readers differ in what they forgive:
 * what could be read in two ways is refused, or another model would be called than the one that was looked at here.
 * @throws InvalidInputError when it is no such form, or holds a field twice
 */
export function findFormFields(contentType: string, body: Buffer): ReadonlyMap<string, Span> {
  const delimiter = Buffer.from(`--${boundaryOf(contentType)}`);
  const found = new Map<string, Span>();
  const files = new Set<string>();
  let at = nextDelimiter(body, delimiter, 0);
  for (;;) {
    at += delimiter.length;
    if (body[at] === DASH && body[at + 1] === DASH) break;
    const headersEnd = body.indexOf(BLANK_LINE, lineEnd(body, at));
    const next = nextDelimiter(body, delimiter, at);
    if (headersEnd === -1 || headersEnd > next) throw malformed('a part of it does not end');
    const start = headersEnd + BLANK_LINE.length;
    // The line break in front of the delimiter belongs to it.
    const span = { start, end: Math.max(start, next - 2) };
    const { name, isText, coding } = partHeaders(body.toString('latin1', at, headersEnd));
    if (!isText) files.add(name);
    // A list, whose name ends in `[]`, may come again.
    else if (found.has(name) && !name.endsWith('[]')) throw twice(name);
    else if (coding !== null) throw malformed(`its part ${JSON.stringify(name)} is in a coding: ${coding}`);
    else found.set(name, span);
    at = next;
  }
  for (const name of found.keys()) if (files.has(name)) throw twice(name);
  return found;
}

function boundaryOf(contentType: string): string {
  const all = [...contentType.matchAll(/;\s*boundary\s*=\s*(?:"([^"\\]{1,200})"|([^\s;"]{1,200}))/gi)];
  const [first, second] = all;
  const boundary = first?.[1] ?? first?.[2];
  if (boundary === undefined) throw malformed('its content type names no boundary');
  if (second !== undefined) throw malformed('its content type names two boundaries');
  return boundary;
}

/** Where it begins a line; elsewhere it is part of what is sent. */
function nextDelimiter(body: Buffer, delimiter: Buffer, from: number): number {
  for (let at = body.indexOf(delimiter, from); at !== -1; at = body.indexOf(delimiter, at + 1)) {
    const [last, before] = [body[at - 1], body[at - 2]];
    if (at === 0 || (last === LF && before === CR)) return at;
    if (last === LF || last === CR) throw malformed('its lines do not end with CR LF');
  }
  throw malformed(from === 0 ? 'its boundary does not occur in it' : 'a part of it does not end');
}

/** Nothing but blanks may follow a delimiter on its line. @returns where that line ends */
function lineEnd(body: Buffer, from: number): number {
  let at = from;
  while (body[at] === 0x20 || body[at] === 0x09) at++;
  if (body[at] === CR && body[at + 1] === LF) return at;
  throw malformed('something follows its boundary on the same line');
}

function twice(field: string): InvalidInputError {
  return new InvalidInputError([{ field, problem: 'stands there twice: leave one out' }]);
}

function malformed(problem: string): InvalidInputError {
  return new InvalidInputError([{ field: '', problem: `the form cannot be read: ${problem}` }]);
}
