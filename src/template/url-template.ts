import { Mentions, type TemplatePart, type Render, slotText, wholePlaceholder } from './template-text.js';
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

export interface UrlTemplate {
  readonly placeholders: ReadonlySet<PlaceholderName>;
  readonly secrets: ReadonlySet<string>;
  /** Placeholders that an absent value would leave a hole for, to the place where one stands. */
  readonly embedded: ReadonlyMap<PlaceholderName, string>;
  /** Scheme, host and port. No request can change them. */
  readonly origin: string;
  /**
   * Path and query. Append it to the origin (it may begin with `//`, which resolving would take for a host).
   * Throws RenderError, and what `secrets` throws.
   */
  render(values: PlaceholderValues, secrets: SecretLookup): string;
}

/** One `name=value` of the query; undefined when left out. */
type Parameter = Render<string | undefined>;

const LONGEST_URL = 2048;
// Split here, since `new URL` would encode the braces, drop control characters and resolve dots.
const URL_PIECES = /^(https?):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#?)/i;
// Also text that decodes to dots once, twice, …, and text that some servers cut off as a parameter of the segment.
const DOT_SEGMENT = /^(?:\.|%(?:25)*2e){1,2}(?:;|$)/i;

/** Splits the template before anything parses it as a URL. Throws TemplateError. */
export function compileUrl(
  url: string,
  params: Readonly<Record<string, unknown>> | undefined,
  field = 'req_url_template',
  vocabulary: Vocabulary = REQUEST_NAMES,
): UrlTemplate {
  const [scheme, authority, path, query] = splitUrl(url, field);
  const origin = originOf(scheme, authority, field);
  const mentions = new Mentions(vocabulary);
  const segments = path.split('/').slice(1);
  const renderSegments = segments.map((segment) => compileSegment(segment, mentions, field));
  const parameters = [
    ...splitQuery(query, params).map((pair) => compilePair(pair, mentions, field)),
    ...Object.entries(params ?? {}).map(([name, value]) => compileParam(name, value, mentions)),
  ];
  return {
    placeholders: mentions.placeholders,
    secrets: mentions.secrets,
    embedded: mentions.embedded,
    origin,
    render: (values, secrets) => {
      let target = '';
      for (const segment of renderSegments) target += `/${segment(values, secrets)}`;
      let separator = '?';
      for (const parameter of parameters) {
        const pair = parameter(values, secrets);
        if (pair === undefined) continue;
        target += separator + pair;
        separator = '&';
      }
      return target;
    },
  };
}

function splitUrl(url: string, field: string): readonly [string, string, string, string | undefined] {
  if (url.length > LONGEST_URL)
    throw new TemplateError(field, `must have at most ${LONGEST_URL} characters, not ${url.length}`);
  if (/\p{Cc}|^\s|\s$/u.test(url))
    throw new TemplateError(field, 'must not hold control characters or begin or end with a space');
  // Browsers' URL rules read `\` as `/`, other parsers do not: the checked URL would differ from the called one.
  if (url.includes('\\')) throw new TemplateError(field, 'must not hold a backslash; in a path write %5C');
  const [, scheme, authority, path, query, fragment] = URL_PIECES.exec(url) ?? [];
  if (scheme === undefined || authority === undefined)
    throw new TemplateError(field, 'must begin with http:// or https:// and a host, without placeholders');
  if (fragment !== '') throw new TemplateError(field, 'must not have a #fragment, which no server would see');
  return [scheme, authority, path === undefined || path === '' ? '/' : path, query];
}

function originOf(scheme: string, authority: string, field: string): string {
  if (/[{}]/.test(authority))
    throw new TemplateError(field, 'may have placeholders in path and query only, not in host or port');
  if (authority.includes('@'))
    throw new TemplateError(field, 'must not carry credentials; put them into header or api_key');
  const base = `${scheme}://${authority}/`;
  if (authority === '' || !URL.canParse(base)) throw new TemplateError(field, 'has no valid host or port');
  return new URL(base).origin;
}

/** A `?` with nothing behind it stays, unless parameters follow. */
function splitQuery(query: string | undefined, params: object | undefined): readonly string[] {
  const isReplaced = query === '' && Object.keys(params ?? {}).length > 0;
  return query === undefined || isReplaced ? [] : query.split('&');
}

function compileSegment(segment: string, mentions: Mentions, field: string): Render {
  const parts = mentions.parseSegment(segment, field);
  for (const part of parts)
    if (typeof part !== 'string' && 'placeholder' in part && part.spansSegments === true && !maySpan(part))
      throw new TemplateError(
        field,
        `may hold {+…} for {MODEL_NAME} and kept values only, not for {${printName(part.placeholder)}}`,
      );
  if (parts.some((part) => typeof part !== 'string' && 'secret' in part))
    throw new TemplateError(field, 'may have ${secret:…} in its query, not in its path');
  if (DOT_SEGMENT.test(segment))
    throw new TemplateError(field, 'must be written without the path segments "." and ".."');
  const render = compileParts(parts, field);
  if (isStatic(parts)) return render;
  const kept = parts.flatMap((part) =>
    typeof part !== 'string' && 'placeholder' in part && part.placeholder.startsWith('KEPT.')
      ? [part.placeholder]
      : [],
  );
  return (values, secrets) => {
    for (const name of kept)
      if (values[name] === undefined) throw new RenderError(field, `{${printName(name)}} has no value`);
    const rendered = render(values, secrets);
    if (rendered.includes('/') ? rendered.split('/').some(isDots) : isDots(rendered))
      throw new RenderError(field, 'the value given would make a path segment "." or ".."');
    return rendered;
  };
}

function maySpan({ placeholder }: { readonly placeholder: PlaceholderName }): boolean {
  return placeholder === 'MODEL_NAME' || placeholder.startsWith('KEPT.');
}

function isDots(segment: string): boolean {
  return DOT_SEGMENT.test(segment);
}

function compilePair(pair: string, mentions: Mentions, field: string): Parameter {
  const equals = pair.indexOf('=');
  const value = mentions.parse(equals === -1 ? pair : pair.slice(equals + 1), field);
  const name = equals === -1 ? [] : [...mentions.parse(pair.slice(0, equals), field), '='];
  return leftOutWith(wholePlaceholder(value), compileParts([...name, ...value], field));
}

function compileParam(name: string, value: unknown, mentions: Mentions): Parameter {
  const field = printField(['req_param', name]);
  if (typeof value !== 'string' && typeof value !== 'boolean' && !Number.isFinite(value))
    throw new TemplateError(field, 'must be text, a number or a boolean');
  const parts = mentions.parse(String(value), field);
  const prefix = `${encodeText(name)}=`;
  const slots = parts.map((part) => (typeof part === 'string' ? encodeText(part) : part));
  return leftOutWith(wholePlaceholder(parts), compileParts([prefix, ...slots], field));
}

function leftOutWith(name: PlaceholderName | undefined, render: Render): Parameter {
  if (name === undefined) return render;
  return (values, secrets) => (values[name] === undefined ? undefined : render(values, secrets));
}

/** Encodes static text once and keeps what is legal in it; encodes every character of values that needs it. */
function compileParts(parts: readonly TemplatePart[], field: string): Render {
  const encoded = parts.map((part) => (typeof part === 'string' ? encodeIllegal(part) : part));
  if (isStatic(encoded)) {
    const text = encoded.join('');
    return () => text;
  }
  return (values, secrets) => {
    let text = '';
    for (const part of encoded) {
      if (typeof part === 'string') text += part;
      else {
        const value = slotText(part, field, values, secrets);
        text += 'spansSegments' in part ? encodeSegments(value) : encodeText(value);
      }
    }
    return text;
  };
}

function isStatic(parts: readonly TemplatePart[]): parts is readonly string[] {
  return parts.every((part) => typeof part === 'string');
}

/** Half of a surrogate pair: UTF-8 cannot hold it, and JavaScript's percent-encoding throws for it. */
const LONE_SURROGATE = /\p{Surrogate}/gu;
// RFC 3986 §3.3 and §3.4 (`/` cannot occur in a segment, and is legal in a query), or one escape.
const LEGAL = /%[0-9A-Fa-f]{2}|[A-Za-z0-9\-._~!$&'()*+,;=:@/?]+/y;

/** Encodes a value so that no part of it is syntax. */
export function encodeText(text: string): string {
  return encodeURIComponent(text.replace(LONE_SURROGATE, '\uFFFD'));
}

/** As RFC 6570, 3.2.3, but only `/` and `:` stay as they are. */
function encodeSegments(text: string): string {
  return encodeText(text).replaceAll('%2F', '/').replaceAll('%3A', ':');
}

/** Encodes only what a URL cannot hold, and keeps the rest, escapes included, as it was written. */
export function encodeIllegal(urlText: string): string {
  let encoded = '';
  for (let at = 0; at < urlText.length;) {
    LEGAL.lastIndex = at;
    const legal = LEGAL.exec(urlText)?.[0];
    const taken = legal ?? String.fromCodePoint(urlText.codePointAt(at) ?? 0);
    encoded += legal ?? encodeText(taken);
    at += taken.length;
  }
  return encoded;
}
