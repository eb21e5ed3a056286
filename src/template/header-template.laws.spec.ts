import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { compileHeaders, type HeaderTemplate } from './header-template.js';
import { RenderError, TemplateError } from './template-error.js';
import { clientText, placeholderValues, templateText, hundreds } from '../../test/arbitraries/template.js';

const carriedText = fc.string({ unit: fc.constantFrom('a', ' ', '\t', '{', '"', 'é', '~') });
const headerText = fc
  .array(fc.oneof(carriedText, fc.constantFrom('{USER_PROMPT}', '{HISTORY}', '${secret:TOKEN}')), {
    maxLength: 4,
  })
  .map((pieces) => pieces.join(''));

/** Undefined where it is refused with an error of ours. */
function attempt<Result>(act: () => Result): Result | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof RenderError || error instanceof TemplateError) return undefined;
    throw error;
  }
}

describe('rendered headers', () => {
  it('never hold a line break, NUL or any other character that no header can hold', () => {
    const headers = fc.dictionary(
      fc.oneof(fc.constantFrom('X-A', 'authorization'), clientText),
      fc.oneof(headerText, templateText),
      { maxKeys: 3 },
    );
    fc.assert(
      fc.property(headers, placeholderValues, clientText, (definition, values, secret) => {
        const template = attempt((): HeaderTemplate => compileHeaders(definition));
        const rendered = attempt(() => template?.render(values, () => secret)) ?? {};
        for (const [name, value] of Object.entries(rendered)) {
          expect(name).toMatch(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/);
          expect(value).toMatch(/^([\x21-\x7E\x80-\xFF]([\t\x20-\x7E\x80-\xFF]*[\x21-\x7E\x80-\xFF])?)?$/);
        }
        expect(() => new Headers(rendered)).not.toThrow();
      }),
      hundreds,
    );
  });

  it('hold a value exactly or reject it', () => {
    fc.assert(
      fc.property(fc.oneof(clientText, carriedText), (prompt) => {
        const template = compileHeaders({ 'X-A': '{USER_PROMPT}', 'X-B': '<{USER_PROMPT}>' });
        const rendered = attempt(() =>
          template.render({ USER_PROMPT: prompt, MODEL_NAME: '', REQUEST_ID: '' }, String),
        );
        const canBeCarried = /^[\t\x20-\x7E\x80-\xFF]*$/.test(prompt) && !/^[ \t]|[ \t]$/.test(prompt);
        expect(rendered).toEqual(canBeCarried ? { 'X-A': prompt, 'X-B': `<${prompt}>` } : undefined);
      }),
      hundreds,
    );
  });
});
