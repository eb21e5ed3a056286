/** Headers whose values are known to be no credentials; those of any other are taken for one. */
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
/** What may stand beside references and tells nothing: a scheme's name, punctuation. */
const harmless = /^(?:(?:basic|bearer|token|key|apikey|api-key)\s)?[\s:;,.=/-]*$/i;

/** `Bearer ${secret:KEY}` only says where the secret is. */
function holdsOnlyReferences(value: string): boolean {
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
