import { InvalidInputError } from '../../input/input-errors.js';
import type { Span } from './json-scanner.js';

const CR = 0x0d;
const LF = 0x0a;
const DASH = 0x2d;
/** As Django's DATA_UPLOAD_MAX_NUMBER_FIELDS and PHP's max_input_vars: a form of very many parts would hold up all other requests. */
const MOST_PARTS = 1_000;
const BLANK_LINE = Buffer.from('\r\n\r\n');

/** A part of a form. */
export interface FormPart extends PartHeaders {
  /** Of its content, in the body. */
  readonly span: Span;
}

/**
 * The parts of a form in their order [RFC 7578]. Parsers differ in what they tolerate: ambiguous forms are rejected, or the
 * worker might call another model than the one checked here.
 * @throws InvalidInputError when the form is malformed or ambiguous
 */
export function findFormParts(contentType: string, body: Buffer): readonly FormPart[] {
  const delimiter = Buffer.from(`--${boundaryOf(contentType)}`);
  const parts: FormPart[] = [];
  let at = nextDelimiter(body, delimiter, 0);
  for (;;) {
    at += delimiter.length;
    if (body[at] === DASH && body[at + 1] === DASH) return parts;
    if (parts.length === MOST_PARTS) throw malformed(`it has more than ${MOST_PARTS} parts`);
    const headersEnd = body.indexOf(BLANK_LINE, lineEnd(body, at));
    const next = nextDelimiter(body, delimiter, at);
    if (headersEnd === -1 || headersEnd > next) throw malformed('unterminated part');
    const start = headersEnd + BLANK_LINE.length;
    const headers = partHeaders(body.toString('latin1', at, headersEnd));
    // The line break in front of the delimiter belongs to it.
    parts.push({ ...headers, span: { start, end: Math.max(start, next - 2) } });
    at = next;
  }
}

/**
 * The positions of the text fields of a form (parts that are no file), in bytes.
 * @throws InvalidInputError when the form is malformed or ambiguous, or holds a field twice
 */
export function findFormFields(contentType: string, body: Buffer): ReadonlyMap<string, Span> {
  return textFields(findFormParts(contentType, body));
}

/** @throws InvalidInputError when a field occurs twice, or is encoded */
export function textFields(parts: readonly FormPart[]): ReadonlyMap<string, Span> {
  const found = new Map<string, Span>();
  const files = new Set<string>();
  for (const { name, isText, coding, span } of parts) {
    if (!isText) files.add(name);
    // A list, whose name ends in `[]`, may be repeated.
    else if (found.has(name) && !name.endsWith('[]')) throw duplicate(name);
    else if (coding !== null)
      throw malformed(
        `part ${JSON.stringify(name)} has the content-transfer-encoding ${coding}; only 7bit, 8bit and binary are accepted`,
      );
    else found.set(name, span);
  }
  for (const name of found.keys()) if (files.has(name) && !name.endsWith('[]')) throw duplicate(name);
  return found;
}
function boundaryOf(contentType: string): string {
  const all = [...contentType.matchAll(/;\s*boundary\s*=\s*(?:"([^"\\]{1,200})"|([^\s;"]{1,200}))/gi)];
  const [first, second] = all;
  const boundary = first?.[1] ?? first?.[2];
  if (boundary === undefined) throw malformed('the content-type has no boundary');
  if (second !== undefined) throw malformed('the content-type has two boundaries');
  return boundary;
}

/** The next delimiter at the beginning of a line; elsewhere it is content. */
function nextDelimiter(body: Buffer, delimiter: Buffer, from: number): number {
  for (let at = body.indexOf(delimiter, from); at !== -1; at = body.indexOf(delimiter, at + 1)) {
    const [last, before] = [body[at - 1], body[at - 2]];
    if (at === 0 || (last === LF && before === CR)) return at;
    if (last === LF || last === CR) throw malformed('lines must end with CR LF');
  }
  throw malformed(from === 0 ? 'the boundary does not occur in the body' : 'unterminated part');
}

/** Only blanks may follow a delimiter on its line. @returns the end of that line */
function lineEnd(body: Buffer, from: number): number {
  let at = from;
  while (body[at] === 0x20 || body[at] === 0x09) at++;
  if (body[at] === CR && body[at + 1] === LF) return at;
  throw malformed('unexpected content after the boundary on the same line');
}

function duplicate(field: string): InvalidInputError {
  return new InvalidInputError([{ field, problem: 'occurs twice (case is ignored): send it once' }]);
}

function malformed(problem: string): InvalidInputError {
  return new InvalidInputError([{ field: '', problem: `the body is not a valid form: ${problem}` }]);
}

/** The headers of a part of a form. */
export interface PartHeaders {
  readonly name: string;
  /** Not a file. */
  readonly isText: boolean;
  /** The content-transfer-encoding; `null`: none. */
  readonly coding: string | null;
  /** The content type; `null`: none. */
  readonly type: string | null;
}

const IDENTITY = /^(7bit|8bit|binary)$/i;
const PARAMETER = /^;[ \t]*([^\s=;"]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))[ \t]*/;

/** @throws InvalidInputError when the headers are ambiguous */
export function partHeaders(headers: string): PartHeaders {
  const lines = headers.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
  const valueOf = (name: string): string | null => {
    const values = lines.flatMap((line) => {
      const colon = line.indexOf(':');
      return colon !== -1 && line.slice(0, colon).trim().toLowerCase() === name
        ? [line.slice(colon + 1).trim()]
        : [];
    });
    if (values.length > 1) throw ambiguous(`two ${name} headers`);
    return values[0] ?? null;
  };
  const disposition = valueOf('content-disposition');
  if (disposition === null)
    throw ambiguous('no content-disposition; write Content-Disposition: form-data; name="…"');
  const parameters = parametersOf(disposition);
  const name = parameters.get('name');
  if (name === undefined) throw ambiguous('no name in its content-disposition');
  const coding = valueOf('content-transfer-encoding');
  return {
    name: Buffer.from(name, 'latin1').toString('utf8'),
    isText: !parameters.has('filename') && !parameters.has('filename*'),
    coding: coding === null || IDENTITY.test(coding) ? null : coding,
    type: valueOf('content-type'),
  };
}

function parametersOf(disposition: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let rest = disposition.replace(/^[^;]*/, '');
  while (rest !== '') {
    const [all, key, quoted, plain] = PARAMETER.exec(rest) ?? [];
    if (all === undefined || key === undefined) {
      // A trailing semicolon.
      if (/^;[ \t]*$/.test(rest)) return found;
      throw ambiguous('a content-disposition that cannot be read; write form-data; name="…"');
    }
    const name = key.toLowerCase();
    // `name*` is an encoding that only some parsers support [RFC 7578, 4.2].
    if (found.has(name) || name === 'name*')
      throw ambiguous('a duplicate parameter or "name*" in its content-disposition');
    found.set(name, quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '');
    rest = rest.slice(all.length);
  }
  return found;
}

function ambiguous(problem: string): InvalidInputError {
  return new InvalidInputError([
    { field: '', problem: `the body is not a valid form: a part has ${problem}` },
  ]);
}
