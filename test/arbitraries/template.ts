import * as fc from 'fast-check';
import { PLACEHOLDER_NAMES, type PlaceholderValues } from '../../src/template/placeholders.js';
import type { JsonValue } from '../../src/input/json.js';

/** Any UTF-16, including halves of surrogate pairs and control characters. */
export const anyText = fc.string({
  unit: fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom('"', '\\', '{', '}', '$', '/', '.', '%', '&', '=', '\r', '\n', '\0', ' '),
    },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
  ),
});

const slots = fc.constantFrom(...PLACEHOLDER_NAMES.map((name) => `{${name}}`), '${secret:TOKEN}');

/** Text as in definitions: placeholders, near misses and anything between them. */
export const templateText = fc
  .array(
    fc.oneof(slots, fc.constantFrom('{NOPE}', '{{', '}', '$', '{USER_PROMPT', '{secret:TOKEN}'), anyText),
    {
      maxLength: 5,
    },
  )
  .map((pieces) => pieces.join(''))
  .filter((text) => !/\$\{secret:(?!TOKEN\})/.test(text));

/** Values that a client may send, including everything with a meaning in a template. */
export const clientText = fc.oneof(anyText, templateText);

const oddKey = fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString', '0', ''), templateText);

export const templateBody: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(
      slots,
      templateText,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
    ),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(oddKey, tie('value')), { maxLength: 5 }).map((pairs) => Object.fromEntries(pairs)),
  ),
})).value;

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

export const placeholderValues: fc.Arbitrary<PlaceholderValues> = fc.record({
  USER_PROMPT: optional(clientText),
  MODEL_NAME: clientText,
  MODEL_TEMPERATURE: optional(fc.double({ min: 0, max: 2, noNaN: true })),
  MAX_TOKENS: optional(fc.nat()),
  SYSTEM_PROMPT: optional(clientText),
  MESSAGES: optional(fc.array(fc.record({ role: fc.constantFrom('user', 'system'), content: clientText }))),
  HISTORY: optional(fc.array(fc.tuple(clientText, clientText))),
  INPUT: optional(fc.oneof(clientText, fc.array(clientText), fc.jsonValue())),
  STREAM: optional(fc.boolean()),
  REQUEST_ID: clientText,
  PRIORITY: fc.nat(2),
});

/** fast-check's default is 100. */
export const hundreds = { numRuns: 500 };
