import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixedHeaders, withForwarded } from './call-parts.js';

const headers = fc.dictionary(
  fc.constantFrom('accept', 'authorization', 'x-team', 'user-agent'),
  fc.string(),
);
const forwarded = fc.record({ 'x-request-id': fc.string(), traceparent: fc.string() }, { requiredKeys: [] });

describe('withForwarded', () => {
  it('appends the headers of the client that are there, and no place of one that is not', () => {
    fc.assert(
      fc.property(headers, forwarded, (fixed, client) => {
        const { 'x-request-id': id, traceparent } = client;
        const expected = Object.entries({
          ...fixed,
          ...(id === undefined ? {} : { 'x-request-id': id }),
          ...(traceparent === undefined ? {} : { traceparent }),
        });
        expect(Object.entries(withForwarded(fixedHeaders(fixed), client))).toEqual(expected);
      }),
    );
  });

  it('gives each call headers of its own', () => {
    const fixed = fixedHeaders({ accept: 'application/json' });
    const first = withForwarded(fixed, { 'x-request-id': 'first', traceparent: 'of the first' });
    withForwarded(fixed, { 'x-request-id': 'second' });
    expect(first).toEqual({
      accept: 'application/json',
      'x-request-id': 'first',
      traceparent: 'of the first',
    });
    expect(withForwarded(fixed, {})).toEqual({ accept: 'application/json' });
  });

  it('keeps an id that the definition of the worker sets itself', () => {
    expect(withForwarded(fixedHeaders({ 'x-request-id': 'its own' }), {})).toEqual({
      'x-request-id': 'its own',
    });
  });
});
