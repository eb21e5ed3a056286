import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import type { JsonValue } from '../input/json.js';
import { compileBody } from './body-template.js';
import type { PlaceholderValues } from './placeholders.js';

const NAMES = ['INPUT_IMAGE', 'SIZE', 'SEED', 'EXTRA.steps', 'MODEL_NAME'] as const;
const noSecret = (): never => expect.unreachable('a secret was looked up');

const given: fc.Arbitrary<PlaceholderValues> = fc
  .record({
    INPUT_IMAGE: fc.option(fc.string(), { nil: undefined }),
    SIZE: fc.option(fc.string(), { nil: undefined }),
    SEED: fc.option(fc.integer(), { nil: undefined }),
    'EXTRA.steps': fc.option(fc.jsonValue(), { nil: undefined }),
  })
  .map((values) => ({ ...values, MODEL_NAME: 'm', REQUEST_ID: 'r' }));

const body: fc.Arbitrary<JsonValue> = fc.letrec<{ node: JsonValue; members: Record<string, JsonValue> }>(
  (tie) => ({
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(...NAMES.map((name) => `{${name}}`), 'text', 'size {SIZE}'),
      fc.array(tie('node'), { maxLength: 4 }),
      tie('members'),
    ),
    members: fc
      .tuple(
        fc.option(fc.constantFrom(...NAMES), { nil: null }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c', '?x', ''), tie('node'), { maxKeys: 4 }),
      )
      .map(([condition, members]) => (condition === null ? members : { '?': `{${condition}}`, ...members })),
  }),
).members;

/** The rule read aloud: an object whose condition has no value is left out, and the condition is never sent. */
function expected(node: unknown, values: PlaceholderValues): unknown {
  if (typeof node === 'string') {
    const whole = NAMES.find((name) => node === `{${name}}`);
    if (whole !== undefined) return values[whole];
    return node.replace('{SIZE}', () => (values.SIZE as string | undefined) ?? '');
  }
  if (Array.isArray(node))
    return node.map((child: unknown) => expected(child, values)).filter((child) => child !== undefined);
  const { '?': condition, ...members } = node as Record<string, unknown>;
  if (condition !== undefined && expected(condition, values) === undefined) return undefined;
  const entries = Object.entries(members).map(([key, child]) => [key, expected(child, values)] as const);
  return Object.fromEntries(entries.filter(([, child]) => child !== undefined));
}

describe('an object with "?"', () => {
  it('is sent exactly if its placeholder has a value, and never holds the "?"', () => {
    fc.assert(
      fc.property(body, given, (template, values) => {
        const compiled = compileBody(template, 'json');
        const rendered = JSON.parse(compiled.render(values, noSecret)) as unknown;
        const { requires } = compiled;
        // At the root the caller decides: the body itself cannot be left out.
        fc.pre(requires === null || values[requires] !== undefined);
        expect(rendered).toEqual(JSON.parse(JSON.stringify(expected(template, values))));
      }),
      { numRuns: 500 },
    );
  });

  it.each([[1], ['INPUT_IMAGE'], ['{INPUT_IMAGE}{SIZE}'], ['{NOPE}'], [null], ['']])(
    'must name one placeholder, not %j',
    (condition) => {
      expect(() => compileBody({ a: [{ '?': condition, b: 1 }] }, 'json')).toThrow(
        'body.a[0].?: must be one placeholder',
      );
    },
  );

  it('at the root says which value a request must have', () => {
    expect(compileBody({ '?': '{INPUT_IMAGE}', a: 1 }, 'json').requires).toBe('INPUT_IMAGE');
    expect(compileBody({ '?': '{INPUT_IMAGE}', a: 1 }, 'form').requires).toBe('INPUT_IMAGE');
    expect(compileBody({ a: 1 }, 'json').requires).toBeNull();
  });

  it('excuses the holes that its own value fills', () => {
    const guarded = compileBody({ a: { '?': '{SIZE}', b: '{WIDTH}*{HEIGHT}', c: '{SECONDS}s' } }, 'json');
    expect([...guarded.embedded.keys()]).toEqual(['SECONDS']);
    expect([...compileBody({ b: '{WIDTH}:{HEIGHT}' }, 'json').embedded]).toEqual([
      ['WIDTH', 'body.b'],
      ['HEIGHT', 'body.b'],
    ]);
  });
});

describe('{EXTRA.name}', () => {
  it('keeps the type of its value, and leaves its key out without one', () => {
    const compiled = compileBody({ steps: '{EXTRA.steps}', text: 'n={EXTRA.other-name}' }, 'json');
    expect([...compiled.placeholders]).toEqual(['EXTRA.steps', 'EXTRA.other-name']);
    const values = { MODEL_NAME: 'm', REQUEST_ID: 'r' };
    expect(compiled.render({ ...values, 'EXTRA.steps': 20 }, noSecret)).toBe('{"steps":20,"text":"n="}');
    expect(compiled.render(values, noSecret)).toBe('{"text":"n="}');
  });

  it.each(['{EXTRA.}', '{EXTRA.a.b}', '{EXTRA.1a}', `{EXTRA.${'a'.repeat(65)}}`, '{EXTRA}'])(
    'is not %s, which stays text',
    (text) => {
      expect(compileBody({ a: text }, 'json').render({ MODEL_NAME: '', REQUEST_ID: '' }, noSecret)).toBe(
        JSON.stringify({ a: text }),
      );
    },
  );
});
