import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apiHeadersOf, withClientHeaders } from './headers.js';

const beta = fc.stringMatching(/^[a-z0-9-]{1,8}$/);
const betas = fc.array(beta, { minLength: 1, maxLength: 4 }).map((names) => names.join(', '));
const inAnyCase = (name: string) => fc.constantFrom(name, name.toUpperCase(), 'A' + name.slice(1));

describe('The Anthropic headers of a client', () => {
  it('are its version and betas only, if they are valid header values', () => {
    const name = fc.constantFrom(
      'anthropic-version',
      'anthropic-beta',
      'anthropic-workspace-id',
      'authorization',
      'x-api-key',
      'cookie',
      '__proto__',
    );
    const value = fc.oneof(fc.string({ unit: 'binary' }), betas, fc.array(fc.string()));
    fc.assert(
      fc.property(fc.dictionary(name, value), (headers) => {
        const taken = apiHeadersOf(headers);
        for (const [each, text] of Object.entries(taken)) {
          expect(['anthropic-version', 'anthropic-beta']).toContain(each);
          expect(text).toBe(headers[each]);
        }
        expect(() => new Headers(taken)).not.toThrow();
      }),
    );
  });

  it('are merged with those of the worker: the client’s version, the betas of both', () => {
    fc.assert(
      fc.property(
        fc.record(
          { version: inAnyCase('anthropic-version'), beta: inAnyCase('anthropic-beta') },
          { requiredKeys: [] },
        ),
        betas,
        fc.record({ 'anthropic-version': beta, 'anthropic-beta': betas }, { requiredKeys: [] }),
        (names, workersBetas, client) => {
          const workers = {
            'x-api-key': 'k',
            ...(names.version === undefined ? {} : { [names.version]: 'the-workers' }),
            ...(names.beta === undefined ? {} : { [names.beta]: workersBetas }),
          };
          const both = withClientHeaders(workers, client);
          const lower = Object.keys(both).map((name) => name.toLowerCase());
          expect(new Set(lower).size).toBe(lower.length);
          const headers = new Headers(both);
          expect(headers.get('x-api-key')).toBe('k');
          const ownVersion = names.version === undefined ? null : 'the-workers';
          expect(headers.get('anthropic-version')).toBe(client['anthropic-version'] ?? ownVersion);
          const namesIn = (list: string | null | undefined) =>
            (list ?? '')
              .split(',')
              .map((each) => each.trim())
              .filter(Boolean);
          const wanted = [
            ...namesIn(names.beta === undefined ? null : workersBetas),
            ...namesIn(client['anthropic-beta']),
          ];
          expect(new Set(namesIn(headers.get('anthropic-beta')))).toEqual(new Set(wanted));
        },
      ),
    );
  });
});
