import {
  Mentions,
  type TemplatePart,
  type TemplateSlot,
  slotText,
  wholePlaceholder,
} from './template-text.js';
import { printField } from './json-path.js';
import { RenderError, TemplateError } from './template-error.js';
import {
  type PlaceholderName,
  type PlaceholderValues,
  printName,
  REQUEST_NAMES,
  type SecretLookup,
  type Vocabulary,
} from './placeholders.js';

export interface HeaderTemplate {
  readonly placeholders: ReadonlySet<PlaceholderName>;
  readonly secrets: ReadonlySet<string>;
  /** Placeholders inside a longer text, to the place where one stands. */
  readonly embedded: ReadonlyMap<PlaceholderName, string>;
  /** The names that the worker sets itself, in lower case. */
  readonly names: ReadonlySet<string>;
  /**
   * A new object, names as written. Throws RenderError for a client's value that no header can hold, TemplateError for a
   * secret that none can, and what `secrets` throws.
   */
  render(values: PlaceholderValues, secrets: SecretLookup): Record<string, string>;
}

interface Header {
  readonly name: string;
  readonly field: string;
  readonly parts: readonly TemplatePart[];
  readonly optional: PlaceholderName | undefined;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/; // RFC 9110 §5.6.2
const NOT_IN_A_VALUE = /[^\t\x20-\x7E\x80-\xFF]/; // RFC 9110 §5.5

const CANNOT_CARRY = 'holds a character that a header cannot carry';

/** Set by this service: they define the end of the message, the connection and the host. */
const REFUSED_NAMES: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host', // the URL names the host; another one here could reach a site that the guard never checked
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Throws TemplateError. */
export function compileHeaders(
  headers: Readonly<Record<string, unknown>>,
  field = 'header',
  vocabulary: Vocabulary = REQUEST_NAMES,
): HeaderTemplate {
  const mentions = new Mentions(vocabulary);
  const names = new Set<string>();
  const compiled = Object.entries(headers).map(([name, value]): Header => {
    const path = printField([field, name]);
    checkName(name, names, path);
    const parts = mentions.parse(checkedValue(value, path), path);
    return { name, field: path, parts, optional: wholePlaceholder(parts) };
  });
  return {
    placeholders: mentions.placeholders,
    secrets: mentions.secrets,
    embedded: mentions.embedded,
    names,
    render: (values, secrets) => {
      const rendered: Record<string, string> = {};
      for (const header of compiled) {
        if (header.optional !== undefined && values[header.optional] === undefined) continue;
        rendered[header.name] = renderValue(header, values, secrets);
      }
      return rendered;
    },
  };
}

function checkName(name: string, names: Set<string>, field: string): void {
  const lower = name.toLowerCase();
  // `__proto__` is a valid token, but is lost as a key of a plain object.
  if (!TOKEN.test(name) || name === '__proto__') throw new TemplateError(field, 'is not a valid header name');
  if (REFUSED_NAMES.has(lower) || lower.startsWith('proxy-'))
    throw new TemplateError(field, 'cannot be set: this header belongs to the connection');
  if (names.has(lower)) throw new TemplateError(field, 'appears twice (names differ only in case)');
  names.add(lower);
}

function checkedValue(value: unknown, field: string): string {
  if (typeof value !== 'string') throw new TemplateError(field, 'must be text');
  if (NOT_IN_A_VALUE.test(value)) throw new TemplateError(field, CANNOT_CARRY);
  return trimSpace(value);
}

function renderValue({ parts, field }: Header, values: PlaceholderValues, secrets: SecretLookup): string {
  const pieces = parts.map((part) =>
    typeof part === 'string' ? part : checkedSlot(part, field, values, secrets),
  );
  const text = pieces.join('');
  if (!isSpace(text.at(0)) && !isSpace(text.at(-1))) return text;
  const first = pieces.findIndex((piece) => piece !== '');
  const last = pieces.findLastIndex((piece) => piece !== '');
  if (isSpace(pieces[first]?.at(0)))
    refuseSlot(parts[first], field, 'begins with a space, which a header cannot carry');
  if (isSpace(pieces[last]?.at(-1)))
    refuseSlot(parts[last], field, 'ends with a space, which a header cannot carry');
  return trimSpace(text);
}

function checkedSlot(
  slot: TemplateSlot,
  field: string,
  values: PlaceholderValues,
  secrets: SecretLookup,
): string {
  const text = slotText(slot, field, values, secrets);
  if (NOT_IN_A_VALUE.test(text)) refuseSlot(slot, field, CANNOT_CARRY);
  return text;
}

/** Static text is checked at compile time; spaces that an absent value leaves at the edges are cut off. */
function refuseSlot(part: TemplatePart | undefined, field: string, trouble: string): void {
  if (part === undefined || typeof part === 'string') return;
  if ('secret' in part) throw new TemplateError(field, `the secret ${part.secret} ${trouble}`);
  throw new RenderError(field, `the value of {${printName(part.placeholder)}} ${trouble}`);
}

/** Not String.trim(), which removes more than RFC 9110 allows, nor a regex at the end, which is quadratic. */
function trimSpace(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value[start])) start += 1;
  while (end > start && isSpace(value[end - 1])) end -= 1;
  return value.slice(start, end);
}

function isSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\t';
}
