/** Headers whose values are known to be no credentials; the values of all others are treated as credentials. */
const plainNames: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'anthropic-beta',
  'anthropic-version',
  'cache-control',
  'content-language',
  'content-type',
  'http-referer',
  'openai-beta',
  'prefer',
  'referer',
  'traceparent',
  'user-agent',
  'x-request-id',
  'x-title',
]);

const reference = /\$\{secret:(?!\.)[A-Za-z0-9_.-]{1,100}\}/g;
/** Text beside references that reveals nothing: the name of a scheme, punctuation. */
const harmless = /^(?:(?:basic|bearer|token|key|apikey|api-key)\s)?[\s:;,.=/-]*$/i;

/** `Bearer ${secret:KEY}` holds only the name of a secret. */
export function holdsOnlyReferences(value: string): boolean {
  const rest = value.replace(reference, '');
  return rest !== value && harmless.test(rest);
}

const isPlain = ([name, value]: readonly [string, string]): boolean =>
  plainNames.has(name.toLowerCase()) || holdsOnlyReferences(value);

export interface SplitHeaders {
  readonly plain: Readonly<Record<string, string>>;
  /** To be stored sealed only. */
  readonly sensitive: Readonly<Record<string, string>>;
}

export function splitHeaders(header: Readonly<Record<string, string>>): SplitHeaders {
  const entries = Object.entries(header);
  return {
    plain: Object.fromEntries(entries.filter((entry) => isPlain(entry))),
    sensitive: Object.fromEntries(entries.filter((entry) => !isPlain(entry))),
  };
}
