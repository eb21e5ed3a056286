import { RenderError, TemplateError } from './template-error.js';
import {
  fieldOf,
  LONGEST_NAME,
  type PlaceholderName,
  type PlaceholderValues,
  REQUEST_NAMES,
  type SecretLookup,
  type Vocabulary,
} from './placeholders.js';

/** The place of a value. `spansSegments`: written `{+NAME}`, its slashes separate segments of a URL's path. */
export type TemplateSlot =
  { readonly placeholder: PlaceholderName; readonly spansSegments?: true } | { readonly secret: string };
/** A piece of a template's string: text as written, or a slot. */
export type TemplatePart = string | TemplateSlot;
/** A compiled piece: what remains to be done for each request. */
export type Render<Result = string> = (values: PlaceholderValues, secrets: SecretLookup) => Result;

interface Token {
  readonly part: TemplateSlot;
  readonly start: number;
  readonly end: number;
}

const LONGEST_SECRET_NAME = 100;
const SECRET_PREFIX = 'secret:';
const SECRET_NAME = /^(?!\.)[A-Za-z0-9_.-]+$/;

/** The placeholders of a definition, collected while its strings are parsed. */
export class Mentions {
  readonly placeholders = new Set<PlaceholderName>();
  readonly secrets = new Set<string>();
  /** Placeholders inside a longer text, which an absent value would leave with a hole: to the place where one stands. */
  readonly embedded = new Map<PlaceholderName, string>();
  private guards: readonly PlaceholderName[] = [];

  constructor(private readonly vocabulary: Vocabulary = REQUEST_NAMES) {}

  parse(text: string, field: string): readonly TemplatePart[] {
    const parts = this.parseParts(text, field);
    const slot = parts.find(
      (part) => typeof part !== 'string' && 'placeholder' in part && part.spansSegments,
    );
    if (slot !== undefined)
      throw new TemplateError(
        field,
        'may hold {+…} in the path of a URL only; write it without the plus sign',
      );
    if (parts.length > 1) this.noteEmbedded(parts, field);
    return parts;
  }

  /** A segment of a URL's path, which is always there. */
  parseSegment(segment: string, field: string): readonly TemplatePart[] {
    const parts = this.parseParts(segment, field);
    this.noteEmbedded(parts, field);
    return parts;
  }

  /** What `compile` parses is rendered only where `name` has a value. */
  guarded<Result>(name: PlaceholderName, compile: () => Result): Result {
    const before = this.guards;
    this.guards = [...before, name];
    try {
      return compile();
    } finally {
      this.guards = before;
    }
  }

  private parseParts(text: string, field: string): readonly TemplatePart[] {
    const parts = parseText(text, field, this.vocabulary);
    for (const part of parts) {
      if (typeof part === 'string') continue;
      if ('secret' in part) this.secrets.add(part.secret);
      else this.placeholders.add(part.placeholder);
    }
    return parts;
  }

  private noteEmbedded(parts: readonly TemplatePart[], field: string): void {
    for (const part of parts) {
      if (typeof part === 'string' || 'secret' in part || this.isGuarded(part.placeholder)) continue;
      if (!this.embedded.has(part.placeholder)) this.embedded.set(part.placeholder, field);
    }
  }

  /** Values that are made of one field of the request come together. */
  private isGuarded(name: PlaceholderName): boolean {
    const field = fieldOf(name);
    return this.guards.some((guard) => guard === name || (field !== null && fieldOf(guard) === field));
  }
}

/** One scan with a bounded look-ahead, so linear in the length of any text. `{UNKNOWN}` stays text. */
function parseText(text: string, field: string, vocabulary: Vocabulary): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let textFrom = 0;
  for (let at = text.indexOf('{'); at !== -1; at = text.indexOf('{', at + 1)) {
    const token = secretAt(text, at, field) ?? placeholderAt(text, at, field, vocabulary);
    if (token === undefined) continue;
    if (token.start > textFrom) parts.push(text.slice(textFrom, token.start));
    parts.push(token.part);
    textFrom = token.end;
    at = token.end - 1;
  }
  if (textFrom < text.length) parts.push(text.slice(textFrom));
  return parts;
}

function placeholderAt(
  text: string,
  brace: number,
  field: string,
  vocabulary: Vocabulary,
): Token | undefined {
  const spansSegments = text[brace + 1] === '+';
  const from = spansSegments ? brace + 2 : brace + 1;
  const length = text.slice(from, from + LONGEST_NAME + 1).indexOf('}');
  const placeholder = named(text.slice(from, from + Math.max(length, 0)), field, vocabulary);
  if (placeholder === undefined) return undefined;
  const part = spansSegments ? ({ placeholder, spansSegments } as const) : { placeholder };
  return { part, start: brace, end: from + length + 1 };
}

/** A vocabulary may refuse a name; it does not know the place. */
function named(name: string, field: string, vocabulary: Vocabulary): PlaceholderName | undefined {
  try {
    return vocabulary(name);
  } catch (error) {
    if (!(error instanceof UnknownNameError)) throw error;
    throw new TemplateError(field, error.message);
  }
}

/** Thrown by a vocabulary for a name that must not stay text. */
export class UnknownNameError extends Error {
  override readonly name = 'UnknownNameError';
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
export function valueText(value: unknown, field: string): string {
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
