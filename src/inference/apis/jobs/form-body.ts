import { InvalidInputError } from '../../../input/input-errors.js';
import type { Fields } from '../../../input/json.js';
import { findFormParts, type FormPart, textFields } from '../../passthrough/multipart-scanner.js';
import { TEXT_FIELDS } from './read-job-input.js';

/** `extra[style]`: a member of an object, as OpenAI's clients write it in a form. */
const MEMBER = /^([^[\]]+)\[([^[\]]+)\]$/;
/** Reach a prototype instead of a field. */
const UNSAFE: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
/** What a file without a type is taken for. */
const UNTYPED = 'application/octet-stream';

/**
 * The fields of a form in the shape that JSON would have: `name[]` is a list, `name[member]` an object, a file a data URL.
 * @throws InvalidInputError when the form is malformed or ambiguous
 */
export function fieldsOfForm(contentType: string, body: Buffer): Fields {
  const parts = findFormParts(contentType, body);
  // Checks that no field is ambiguous.
  textFields(parts);
  const fields: Record<string, unknown> = {};
  for (const part of parts) add(fields, part, valueOf(part, body));
  return fields;
}

function valueOf({ isText, coding, type, span: { start, end } }: FormPart, body: Buffer): string {
  if (isText) return body.toString('utf8', start, end);
  // A file that the form holds as base64 [RFC 7578, 4.7].
  const content = coding?.toLowerCase() === 'base64' ? body.toString('latin1', start, end) : null;
  const base64 = content?.replaceAll(/\s/g, '') ?? body.toString('base64', start, end);
  return `data:${(type ?? UNTYPED).replaceAll(/\s*;.*$/g, '')};base64,${base64}`;
}

function add(fields: Record<string, unknown>, { name, isText }: FormPart, value: string): void {
  const [, object, member] = MEMBER.exec(name) ?? [];
  const list = name.endsWith('[]') ? name.slice(0, -2) : null;
  const key = object ?? list ?? name;
  if (!isText && TEXT_FIELDS.has(key)) throw fault(key, 'must be text, not a file');
  if (UNSAFE.has(key) || UNSAFE.has(member ?? ''))
    throw fault(name, 'must not be __proto__, constructor or prototype');
  const before = Object.hasOwn(fields, key) ? fields[key] : undefined;
  if (object !== undefined && member !== undefined) {
    if (typeof before === 'string' || Array.isArray(before))
      throw fault(key, 'is both a value and an object');
    fields[key] = { ...(before as object | undefined), [member]: value };
    return;
  }
  // Several files under one name are a list, too; text was checked to occur once.
  if (list === null && before === undefined) fields[key] = value;
  else if (list !== null || !isText) fields[key] = [...listOf(before, key), value];
  else throw fault(key, 'occurs twice: send it once');
}

function listOf(before: unknown, key: string): readonly unknown[] {
  if (before === undefined) return [];
  if (typeof before === 'string') return [before];
  if (Array.isArray(before)) return before as unknown[];
  throw fault(key, 'is both a list and an object');
}

function fault(field: string, problem: string): InvalidInputError {
  return new InvalidInputError([{ field, problem }]);
}
