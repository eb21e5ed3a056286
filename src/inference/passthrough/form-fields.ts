import { InvalidInputError } from '../../input/invalid-input-error.js';
import type { Span } from './json-fields.js';

const BLANK_LINE = Buffer.from('\r\n\r\n');

/**
 * Where the text fields of a form stand (parts that are no file), in bytes [RFC 7578].
 * @throws InvalidInputError when it is no such form, or holds a field twice
 */
export function findFormFields(contentType: string, body: Buffer): ReadonlyMap<string, Span> {
  const [, quoted, plain] = /\bboundary=(?:"([^"]{1,200})"|([^\s;]{1,200}))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw malformed('its content type names no boundary');
  const delimiter = Buffer.from(`--${boundary}`);
  const found = new Map<string, Span>();
  let at = body.indexOf(delimiter);
  if (at === -1) throw malformed('its boundary does not occur in it');
  for (;;) {
    at += delimiter.length;
    if (body[at] === 0x2d && body[at + 1] === 0x2d) return found;
    const headersEnd = body.indexOf(BLANK_LINE, at);
    const next = body.indexOf(delimiter, at);
    if (headersEnd === -1 || next === -1 || headersEnd > next) throw malformed('a part of it does not end');
    const name = fieldName(body.toString('utf8', at, headersEnd));
    if (name !== null) {
      if (found.has(name))
        throw new InvalidInputError([{ field: name, problem: 'stands there twice: leave one out' }]);
      // The line break in front of the delimiter belongs to it.
      found.set(name, {
        start: headersEnd + BLANK_LINE.length,
        end: Math.max(headersEnd + BLANK_LINE.length, next - 2),
      });
    }
    at = next;
  }
}

/** `null`: a file, or a list, whose name ends in `[]` and may come again. */
function fieldName(headers: string): string | null {
  const [, disposition] = /^content-disposition:\s*form-data;(.*)$/im.exec(headers) ?? [];
  if (disposition === undefined || /;?\s*filename\*?=/i.test(disposition)) return null;
  const [, quoted, plain] = /\bname=(?:"([^"]*)"|([^\s;]+))/i.exec(disposition) ?? [];
  const name = quoted ?? plain ?? null;
  return name === null || name.endsWith('[]') ? null : name;
}

function malformed(problem: string): InvalidInputError {
  return new InvalidInputError([{ field: '', problem: `the form cannot be read: ${problem}` }]);
}
