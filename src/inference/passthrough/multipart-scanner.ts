import { InvalidInputError } from '../../input/input-errors.js';
import type { Span } from './json-scanner.js';

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

/** What the headers of a part of a form say of it. */
export interface PartHeaders {
  readonly name: string;
  /** No file. */
  readonly isText: boolean;
  /** `null`: it is as it is. */
  readonly coding: string | null;
}

const AS_IT_IS = /^(7bit|8bit|binary)$/i;
const PARAMETER = /^;[ \t]*([^\s=;"]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))[ \t]*/;

/** @throws InvalidInputError when they can be read in more than one way */
export function partHeaders(headers: string): PartHeaders {
  const lines = headers.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
  const valueOf = (name: string): string | null => {
    const values = lines.flatMap((line) => {
      const colon = line.indexOf(':');
      return colon !== -1 && line.slice(0, colon).trim().toLowerCase() === name
        ? [line.slice(colon + 1).trim()]
        : [];
    });
    if (values.length > 1) throw ambiguous(`has ${name} twice`);
    return values[0] ?? null;
  };
  const disposition = valueOf('content-disposition');
  if (disposition === null) throw ambiguous('has no content-disposition');
  const parameters = parametersOf(disposition);
  const name = parameters.get('name');
  if (name === undefined) throw ambiguous('has no name');
  const coding = valueOf('content-transfer-encoding');
  return {
    name: Buffer.from(name, 'latin1').toString('utf8'),
    isText: !parameters.has('filename') && !parameters.has('filename*'),
    coding: coding === null || AS_IT_IS.test(coding) ? null : coding,
  };
}

function parametersOf(disposition: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let rest = disposition.replace(/^[^;]*/, '');
  while (rest !== '') {
    const [all, key, quoted, plain] = PARAMETER.exec(rest) ?? [];
    if (all === undefined || key === undefined) {
      // A semicolon too many.
      if (/^;[ \t]*$/.test(rest)) return found;
      throw ambiguous('has a content-disposition that makes no sense');
    }
    const name = key.toLowerCase();
    // In another spelling, which only some understand [RFC 7578, 4.2].
    if (found.has(name) || name === 'name*') throw ambiguous('names itself twice, or in an odd way');
    found.set(name, quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '');
    rest = rest.slice(all.length);
  }
  return found;
}

function ambiguous(problem: string): InvalidInputError {
  return new InvalidInputError([{ field: '', problem: `the form cannot be read: a part of it ${problem}` }]);
}
