import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { compileUrl, type UrlTemplate } from './url-template.js';
import { RenderError } from './template-error.js';
import { clientText, placeholderValues, hundreds } from '../../test/arbitraries/template.js';
import type { PlaceholderValues } from './placeholders.js';

const piece = fc.oneof(
  fc.constantFrom(
    '{USER_PROMPT}',
    '{MODEL_NAME}',
    '{HISTORY}',
    '{SYSTEM_PROMPT}',
    '{NOPE}',
    'v1',
    'a%2Fb',
    '.',
    '%2e',
  ),
  fc.string({ unit: 'grapheme', maxLength: 3 }).filter((text) => !/[/?#&=\\\p{Cc}\s]/u.test(text)),
);
const text = fc.array(piece, { maxLength: 3 }).map((pieces) => pieces.join(''));
const segment = text.filter((name) => !/^(\.|%2e){1,2}(;|$)/i.test(name));
const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => `/${segments.join('/')}`);
const pair = fc.tuple(text, text).map(([name, value]) => `${name}=${value}`);
const query = fc
  .array(pair, { maxLength: 3 })
  .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.join('&')}`));
const params = fc.dictionary(clientText, fc.constantFrom('{USER_PROMPT}', 'a {MODEL_NAME}+&', 7, true), {
  maxKeys: 3,
});
const origin = fc.constantFrom('http://127.0.0.1:8008', 'https://example.org', 'http://[::1]:7860');

/** The target, or undefined where the caller's values can't stand in this URL. */
function renderOrRefuse(template: UrlTemplate, values: PlaceholderValues): string | undefined {
  try {
    return template.render(values, () => expect.unreachable('a secret was looked up'));
  } catch (error) {
    if (error instanceof RenderError) return undefined;
    throw error;
  }
}

function wellFormed(value: string): string {
  return value.replace(/\p{Surrogate}/gu, '\uFFFD');
}

describe('a rendered URL', () => {
  it('keeps its origin and its path segments for all values', () => {
    fc.assert(
      fc.property(
        origin,
        path,
        query,
        params,
        placeholderValues,
        (base, pathText, queryText, more, values) => {
          const target = renderOrRefuse(compileUrl(base + pathText + queryText, more), values);
          fc.pre(target !== undefined);
          const url = new URL(base + target);
          expect(target).toMatch(/^\/[\x21-\x7E]*$/);
          expect(url.origin).toBe(base);
          expect(url.hash).toBe('');
          expect(url.pathname).toBe(target.split('?')[0]);
          expect(url.pathname.split('/')).toHaveLength(pathText.split('/').length);
        },
      ),
      hundreds,
    );
  });

  it('decodes once to every value', () => {
    const template = compileUrl('http://h/x{MODEL_NAME}/y?q={USER_PROMPT}', { p: '<{USER_PROMPT}>' });
    fc.assert(
      fc.property(clientText, clientText, (prompt, model) => {
        const target = template.render({ USER_PROMPT: prompt, MODEL_NAME: model, REQUEST_ID: 'r' }, String);
        const url = new URL(`http://h${target}`);
        expect(decodeURIComponent(url.pathname)).toBe(`/x${wellFormed(model)}/y`);
        expect(url.searchParams.get('q')).toBe(wellFormed(prompt));
        expect(url.searchParams.get('p')).toBe(`<${wellFormed(prompt)}>`);
      }),
      hundreds,
    );
  });

  it('without placeholders stays as written if that is legal', () => {
    const base = 'https://example.org:8443';
    const legalPath = fc.webPath().filter((written) => !/\/\.{1,2}(\/|;|$)/.test(written));
    const legalQuery = fc.option(fc.webQueryParameters(), { nil: undefined });
    fc.assert(
      fc.property(legalPath, legalQuery, (pathText, queryText) => {
        const target = pathText + (queryText === undefined ? '' : `?${queryText}`);
        const template = compileUrl(base + target, undefined);
        expect(template.render({ MODEL_NAME: '', REQUEST_ID: '' }, String)).toBe(
          target.startsWith('/') ? target : `/${target}`,
        );
      }),
      hundreds,
    );
  });
});
