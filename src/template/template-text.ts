import { RenderError, TemplateError } from './template-error.js';
import {
  isPlaceholderName,
  PLACEHOLDER_NAMES,
  type PlaceholderName,
  type PlaceholderValues,
  type SecretLookup,
} from './placeholders.js';

/** The place of a value. */
export type TemplateSlot = { readonly placeholder: PlaceholderName } | { readonly secret: string };
/** A piece of a template's string: text as written, or a slot. */
export type TemplatePart = string | TemplateSlot;
/** A compiled piece: what remains to be done for each request. */
export type Render<Result = string> = (values: PlaceholderValues, secrets: SecretLookup) => Result;

interface Token {
  readonly part: TemplateSlot;
  readonly start: number;
  readonly end: number;
}

const LONGEST_NAME = Math.max(...PLACEHOLDER_NAMES.map((name) => name.length));
const LONGEST_SECRET_NAME = 100;
const SECRET_PREFIX = 'secret:';
const SECRET_NAME = /^(?!\.)[A-Za-z0-9_.-]+$/;

/** The placeholders of a definition, collected while its strings are parsed. */
export class Mentions {
  readonly placeholders = new Set<PlaceholderName>();
  readonly secrets = new Set<string>();

  parse(text: string, field: string): readonly TemplatePart[] {
    const parts = parseText(text, field);
    for (const part of parts) {
      if (typeof part === 'string') continue;
      if ('secret' in part) this.secrets.add(part.secret);
      else this.placeholders.add(part.placeholder);
    }
    return parts;
  }
}

/** One scan with a bounded look-ahead, so linear in the length of any text. `{UNKNOWN}` stays text. */
function parseText(text: string, field: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let textFrom = 0;
  for (let at = text.indexOf('{'); at !== -1; at = text.indexOf('{', at + 1)) {
    const token = secretAt(text, at, field) ?? placeholderAt(text, at);
    if (token === undefined) continue;
    if (token.start > textFrom) parts.push(text.slice(textFrom, token.start));
    parts.push(token.part);
    textFrom = token.end;
    at = token.end - 1;
  }
  if (textFrom < text.length) parts.push(text.slice(textFrom));
  return parts;
}

function placeholderAt(text: string, brace: number): Token | undefined {
  const ahead = text.slice(brace + 1, brace + 1 + LONGEST_NAME + 1);
  const length = ahead.indexOf('}');
  const name = ahead.slice(0, Math.max(length, 0));
  if (!isPlaceholderName(name)) return undefined;
  return { part: { placeholder: name }, start: brace, end: brace + 1 + length + 1 };
}

function secretAt(text: string, brace: number, field: string): Token | undefined {
  if (text[brace - 1] !== '$' || !text.startsWith(SECRET_PREFIX, brace + 1)) return undefined;
  const from = brace + 1 + SECRET_PREFIX.length;
  const ahead = text.slice(from, from + LONGEST_SECRET_NAME + 1);
  const length = ahead.indexOf('}');
  const secret = ahead.slice(0, Math.max(length, 0));
  if (!SECRET_NAME.test(secret)) {
    const rule = 'a name of 1 to 100 letters, digits, "_", "-" and ".", not beginning with "."';
    throw new TemplateError(field, `\${secret:…} needs ${rule}, and a closing brace`);
  }
  return { part: { secret }, start: brace - 1, end: from + length + 1 };
}

/** A value's JSON. The error names `field` if the value nests too deep to be written. */
export function valueJson(value: unknown, field: string): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (cause) {
    throw new RenderError(field, 'the value given cannot be written as JSON', { cause });
  }
}

/** A value inside a longer text: text unchanged, nothing if absent, anything else as its JSON. */
function valueText(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  return value === undefined ? '' : valueJson(value, field);
}

export function slotText(
  slot: TemplateSlot,
  field: string,
  values: PlaceholderValues,
  secrets: SecretLookup,
): string {
  return 'secret' in slot ? secrets(slot.secret) : valueText(values[slot.placeholder], field);
}

/** The placeholder that is the whole string: such a value keeps its type and, if absent, removes its key. */
export function wholePlaceholder(parts: readonly TemplatePart[]): PlaceholderName | undefined {
  const [only, another] = parts;
  if (only === undefined || another !== undefined || typeof only === 'string' || 'secret' in only)
    return undefined;
  return only.placeholder;
}
