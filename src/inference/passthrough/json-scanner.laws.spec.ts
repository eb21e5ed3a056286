import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidInputError } from '../../input/input-errors.js';
import { withValue } from './json-edits.js';
import { findFields, parsedSpan, withoutFields } from './json-scanner.js';

const NAMES = new Set(['model', 'stream']);

/** A key or text, spelled with escapes or without. */
const spelled = (text: string): fc.Arbitrary<string> =>
  fc.array(fc.boolean(), { minLength: text.length, maxLength: text.length }).map((escaped) =>
    JSON.stringify(text) === `"${text}"`
      ? `"${text
          .split('')
          .map((unit, i) =>
            escaped[i] === true ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}` : unit,
          )
          .join('')}"`
      : JSON.stringify(text),
  );

const space = fc.array(fc.constantFrom(' ', '\n', '\r', '\t'), { maxLength: 2 }).map((all) => all.join(''));
const numbers = fc.constantFrom('0', '-0', '1e400', '1.0', '12345678901234567890', '1E+2', '0.1000');
const scalars = fc.oneof(
  fc.json({ maxDepth: 0 }),
  numbers,
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
);
const values: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: scalars },
  { weight: 1, arbitrary: fc.json({ maxDepth: 4 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('{"model":"not this one"}', '["model","}",{"model":1}]', '"\\\\\\""', '"}"'),
  },
);
const otherName = fc.string({ unit: 'binary', maxLength: 8 }).filter((name) => !NAMES.has(name));

interface Sample {
  readonly json: string;
  readonly before: string;
  readonly value: string;
  readonly after: string;
}

/** An object with one `model` in it, written as people and machines write JSON. */
const bodies: fc.Arbitrary<Sample> = fc
  .record({
    fields: fc.array(fc.tuple(otherName.chain(spelled), values, space), { maxLength: 6 }),
    at: fc.nat(6),
    key: spelled('model'),
    value: values,
    spaces: fc.tuple(space, space, space, space),
  })
  .map(({ fields, at, key, value, spaces: [a, b, c, d] }) => {
    const written = fields.map(([name, its, gap]) => `${gap}${name}${gap}:${its}${gap}`);
    const head = written.slice(0, at);
    const tail = written.slice(at);
    const before = `${a}{${[...head, ''].join(',')}${b}${key}${c}:${d}`;
    const after = `${['', ...tail].join(',')}}${a}`;
    return { json: before + value + after, before, value, after };
  });

function valuesIn(body: Buffer, names: ReadonlySet<string>): unknown {
  try {
    return Array.from(findFields(body, names), ([name, span]) => [name, parsedSpan(body, span)]);
  } catch (error) {
    return error instanceof InvalidInputError ? 'refused' : error;
  }
}

describe('findFields', () => {
  it('finds a field whatever surrounds it, and only its value is replaced', () => {
    fc.assert(
      fc.property(bodies, ({ json, before, value, after }) => {
        const body = Buffer.from(json);
        const span = findFields(body, NAMES).get('model');
        if (span === undefined) throw new Error(`not found in ${json}`);
        expect(body.toString('utf8', span.start, span.end)).toBe(Buffer.from(value).toString());
        const replaced = withValue(body, span, '"other"').toString();
        expect(replaced).toBe(Buffer.from(`${before}"other"${after}`).toString());
      }),
      { numRuns: 500 },
    );
  });

  it('reads every name that may be one of those sought: in other cases, with escapes, and with letters beyond ASCII', () => {
    // The Kelvin sign in lower case is k.
    const sought = new Set(['key', 'stream', 'a_name_of_more_than_thirty_one_bytes']);
    const similar = [
      'key',
      'KEY',
      '\u212aey',
      'kez',
      'kéy',
      'stream',
      'Stream',
      'streamed',
      'model',
      '',
      'ſtream',
    ];
    const long = ['a_name_of_more_than_thirty_one_bytes', 'another_name_of_as_many_bytes_as_that'];
    const keys = fc.array(
      fc.constantFrom(...similar, ...long).chain((name) => fc.tuple(fc.constant(name), spelled(name))),
    );
    fc.assert(
      fc.property(keys, (all) => {
        const body = Buffer.from(`{${all.map(([, key], index) => `${key}:${index}`).join(',')}}`);
        const folded = all.map(([name]) => name.toLowerCase()).filter((name) => sought.has(name));
        const isTwice = new Set(folded).size < folded.length;
        const expected = all.flatMap(([name], index) => (sought.has(name) ? [[name, index]] : []));
        expect(valuesIn(body, sought)).toEqual(isTwice ? 'refused' : expected);
      }),
      { numRuns: 500 },
    );
  });

  it('finds a field exactly where JSON.parse finds it', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.oneof(fc.constant('model'), fc.string({ unit: 'binary' })), fc.jsonValue()),
        (object) => {
          const body = Buffer.from(JSON.stringify(object));
          const span = findFields(body, NAMES).get('model');
          const parsed = JSON.parse(body.toString()) as Record<string, unknown>;
          expect(span === undefined ? undefined : parsedSpan(body, span)).toEqual(
            Object.hasOwn(parsed, 'model') ? parsed['model'] : undefined,
          );
        },
      ),
    );
  });

  it('rejects a duplicate field, also if one is written with escapes', () => {
    fc.assert(
      fc.property(spelled('model'), spelled('model'), values, (one, two, value) => {
        const body = Buffer.from(`{${one}:${value},"x":1,${two}:${value}}`);
        expect(() => findFields(body, NAMES)).toThrow(InvalidInputError);
      }),
    );
  });

  it('returns or throws InvalidInputError for any text, and never hangs', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.string({ unit: fc.constantFrom(...'{}[]":,\\ a1'.split('')) }),
        ),
        (bytes) => {
          const look = (): unknown => {
            try {
              return findFields(Buffer.from(bytes as string), NAMES);
            } catch (error) {
              return error;
            }
          };
          expect([Map, InvalidInputError].some((kind) => look() instanceof kind)).toBe(true);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('finds a field behind a hundred thousand brackets', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const body = Buffer.from(`{"a":${deep},"model":"m"}`);
    const span = findFields(body, NAMES).get('model');
    expect(span && parsedSpan(body, span)).toBe('m');
  });
});

describe('A body without some fields', () => {
  const named = fc.tuple(fc.constantFrom('drop', 'Drop', 'also', 'model', 'a', 'b'), values, space);
  const object = fc
    .tuple(fc.uniqueArray(named, { maxLength: 7, selector: ([name]) => name }), space)
    .map(([fields, gap]) => ({
      fields,
      json: `${gap}{${gap}${fields.map(([name, value, around]) => `"${name}"${around}:${around}${value}${around}`).join(`,${gap}`)}}${gap}`,
    }));
  const DROPPED = new Set(['drop', 'also']);

  it('holds the others to the letter, in their order, and is JSON', () => {
    fc.assert(
      fc.property(object, ({ fields, json }) => {
        const kept = fields.filter(([name]) => !DROPPED.has(name.toLowerCase()));
        const text = withoutFields(Buffer.from(json), DROPPED).toString();
        expect(() => findFields(Buffer.from(text), new Set())).not.toThrow();
        let at = 0;
        for (const [name, value, around] of kept) {
          at = text.indexOf(`"${name}"${around}:${around}${value}`, at);
          expect(at).not.toBe(-1);
        }
        for (const name of DROPPED) expect(findFields(Buffer.from(text), DROPPED).has(name)).toBe(false);
      }),
    );
  });

  it('is the same buffer where it has none of them', () => {
    fc.assert(
      fc.property(bodies, ({ json }) => {
        const body = Buffer.from(json);
        expect(withoutFields(body, new Set(['never there']))).toBe(body);
      }),
    );
  });
});
