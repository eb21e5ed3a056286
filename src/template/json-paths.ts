import { parseTokens, type Step } from './json-path.js';
import type { Found } from './response-extract.js';
import type { PlaceholderName, PlaceholderValues, SecretLookup, Vocabulary } from './placeholders.js';
import { TemplateError } from './template-error.js';
import { Mentions, type Render, slotText } from './template-text.js';

/** A compiled path to any number of values. */
export interface ValuePath {
  readonly placeholders: ReadonlySet<PlaceholderName>;
  /** In the order of the answer; none where nothing stands. Never throws. */
  all(answer: unknown, values: PlaceholderValues): readonly unknown[];
  /** How far it leads into an answer: to its first value, or to the last value on its way. Never throws. */
  reach(answer: unknown, values: PlaceholderValues): Found;
}

/** What one step makes of a value, each with the key or index that leads there; `null`: it stays where it is. */
type Walk = (value: unknown, values: PlaceholderValues) => readonly (readonly [Step | null, unknown])[];

const NO_SECRETS: SecretLookup = () => '';

/**
 * A path as `response_extract` writes it, and more: `[*]` is every element of a list (anything else stays itself), a bare
 * `*` every value of an object or list, and `{NAME}` inside a quoted key a known value. The path is parsed before values
 * are filled in, so no value is syntax. Throws TemplateError naming the column.
 */
export function compileValuePath(path: string, field: string, vocabulary: Vocabulary): ValuePath {
  const mentions = new Mentions(vocabulary);
  const walks = parseTokens(path, field).map((token): Walk => {
    if ('all' in token)
      return (value) =>
        Array.isArray(value) ? [...(value as readonly unknown[]).entries()] : [[null, value]];
    if ('index' in token) return (value) => elementOf(value, token.index);
    if (token.key === '*' && !token.quoted) return (value) => valuesOf(value);
    const key = token.quoted ? keyOf(token.key, field, mentions) : () => token.key;
    return (value, values) => memberOf(value, key(values, NO_SECRETS));
  });
  return {
    placeholders: mentions.placeholders,
    all: (answer, values) => {
      let found: readonly unknown[] = [answer];
      for (const walk of walks)
        found = found.flatMap((value) => walk(value, values).map(([, there]) => there));
      return found;
    },
    reach: (answer, values) => {
      let found: readonly Found[] = [{ value: answer, steps: [] }];
      for (const walk of walks) {
        const next = found.flatMap(({ value, steps }) =>
          walk(value, values).map(([step, there]) => ({
            value: there,
            steps: step === null ? steps : [...steps, step],
          })),
        );
        if (next.length === 0) break;
        found = next;
      }
      return found[0] ?? { value: answer, steps: [] };
    },
  };
}

function keyOf(key: string, field: string, mentions: Mentions): Render {
  const parts = mentions.parse(key, field);
  if (mentions.secrets.size > 0) throw new TemplateError(field, 'must not hold ${secret:…}');
  return (values, secrets) =>
    parts.map((part) => (typeof part === 'string' ? part : slotText(part, field, values, secrets))).join('');
}

function elementOf(value: unknown, index: number): ReturnType<Walk> {
  if (!Array.isArray(value)) return [];
  const at = index < 0 ? value.length + index : index;
  return at >= 0 && at < value.length ? [[at, value[at]]] : [];
}

function valuesOf(value: unknown): ReturnType<Walk> {
  if (Array.isArray(value)) return [...(value as readonly unknown[]).entries()];
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

/** Own keys only, so `constructor` and `length` are nothing special. */
function memberOf(value: unknown, key: string): ReturnType<Walk> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
    return [];
  return [[key, (value as Readonly<Record<string, unknown>>)[key]]];
}
