import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { compileBody } from './body-template.js';
import { PLACEHOLDER_NAMES, type PlaceholderValues } from './placeholders.js';
import { clientText, placeholderValues, templateBody, hundreds } from '../../test/arbitraries/template.js';
import type { JsonValue } from '../input/json.js';

const SLOT = new RegExp(`\\{(${PLACEHOLDER_NAMES.join('|')})\\}|\\$\\{secret:([A-Za-z]+)\\}`);

/** The contract read aloud: walks the template and says what each place must hold. */
function expected(template: JsonValue, values: PlaceholderValues, secret: string): unknown {
  if (typeof template === 'string') return expectedText(template, values, secret);
  if (typeof template !== 'object' || template === null) return template;
  if (Array.isArray(template))
    return template.map((child) => expected(child, values, secret)).filter((child) => child !== undefined);
  const members = Object.entries(template).map(
    ([key, child]) => [key, expected(child, values, secret)] as const,
  );
  return Object.fromEntries(members.filter(([, child]) => child !== undefined));
}

function expectedText(template: string, values: PlaceholderValues, secret: string): unknown {
  const found = SLOT.exec(template);
  if (found === null) return template;
  const value = PLACEHOLDER_NAMES.find((name) => name === found[1]);
  const given: unknown = value === undefined ? secret : values[value];
  if (found[0] === template) return given;
  const text = typeof given === 'string' ? given : given === undefined ? '' : JSON.stringify(given);
  const rest = template.slice(found.index + found[0].length);
  return template.slice(0, found.index) + text + afterSlot(rest, values, secret);
}

function expectedFields(fields: Readonly<Record<string, JsonValue>>, values: PlaceholderValues) {
  const pairs = Object.entries(fields).map(([key, value]) => [key, expected(value, values, '')] as const);
  return pairs.filter(([, value]) => value !== undefined);
}

function afterSlot(rest: string, values: PlaceholderValues, secret: string): string {
  // A leading NUL keeps a rest that is one slot from being taken for the whole string.
  return String(expectedText(`\0${rest}`, values, secret)).slice(1);
}

function unexpectedSecret(): never {
  return expect.unreachable('a secret was looked up');
}

function deepFreeze(value: JsonValue): JsonValue {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}

describe('a rendered body', () => {
  it('parses and differs from its template only at the placeholders', () => {
    fc.assert(
      fc.property(templateBody, placeholderValues, clientText, (template, values, secret) => {
        const rendered = compileBody(template, 'json').render(values, () => secret);
        const wanted = expected(template, values, secret) ?? null;
        expect(rendered).toBe(JSON.stringify(wanted));
        expect(() => JSON.parse(rendered) as unknown).not.toThrow();
      }),
      hundreds,
    );
  });

  it("holds a client's text exactly and substitutes nothing twice", () => {
    fc.assert(
      fc.property(clientText, clientText, (prompt, system) => {
        const body = compileBody({ a: '{USER_PROMPT}', b: 'x{SYSTEM_PROMPT}{USER_PROMPT}' }, 'json');
        const values = { USER_PROMPT: prompt, SYSTEM_PROMPT: system, MODEL_NAME: 'm', REQUEST_ID: 'r' };
        expect(JSON.parse(body.render(values, unexpectedSecret))).toStrictEqual({
          a: prompt,
          b: `x${system}${prompt}`,
        });
      }),
      hundreds,
    );
  });

  it('never changes the stored template, and shares nothing with the next request', () => {
    fc.assert(
      fc.property(templateBody, placeholderValues, placeholderValues, (template, values, others) => {
        const before = JSON.stringify(template);
        const body = compileBody(deepFreeze(template), 'json');
        const first = body.render(values, () => 's');
        body.render(others, () => 't');
        expect(body.render(values, () => 's')).toBe(first);
        expect(JSON.stringify(template)).toBe(before);
      }),
      hundreds,
    );
  });

  it('decodes to the same pairs as a form', () => {
    const template = fc.dictionary(clientText, fc.constantFrom('{USER_PROMPT}', 'x {MODEL_NAME}&=', 7, true));
    fc.assert(
      fc.property(template, placeholderValues, (fields, values) => {
        const rendered = compileBody(fields, 'form').render(values, () => '');
        const wanted = expectedFields(fields, values).map(([key, value]) =>
          [key, String(value)].map((text) => text.replace(/\p{Surrogate}/gu, '\uFFFD')),
        );
        expect([...new URLSearchParams(rendered)]).toStrictEqual(wanted);
        expect(rendered).toMatch(/^[\x21-\x7E]*$/);
      }),
      hundreds,
    );
  });
});
