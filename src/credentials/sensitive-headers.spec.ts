import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitHeaders } from './sensitive-headers.js';

describe('splitting headers', () => {
  it('loses none, doubles none and changes none', () => {
    const name = fc.oneof(
      fc.string(),
      fc.constantFrom('Accept', 'authorization', '__proto__', 'constructor'),
    );
    const value = fc.oneof(fc.string(), fc.constantFrom('Bearer ${secret:A}', '${secret:', '${secret:A}x'));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), (pairs) => {
        const header = Object.fromEntries(pairs);
        const { plain, sensitive } = splitHeaders(header);
        expect(Object.keys(plain).filter((key) => Object.hasOwn(sensitive, key))).toEqual([]);
        const together = Object.fromEntries([...Object.entries(plain), ...Object.entries(sensitive)]);
        expect(together).toEqual(header);
      }),
    );
  });

  it('takes every value for a credential whose header is not known to hold none', () => {
    const header = {
      'Content-Type': 'application/json',
      ACCEPT: 'text/plain',
      'anthropic-version': '2023-06-01',
      'x-custom': 'who knows',
      'x-api-key': 'sk-1',
      Authorization: 'Bearer sk-2',
      cookie: 'a=b',
    };
    expect(Object.keys(splitHeaders(header).plain)).toEqual(['Content-Type', 'ACCEPT', 'anthropic-version']);
  });

  it.each(['${secret:KEY}', 'Bearer ${secret:KEY}', 'basic ${secret:A}', '${secret:USER}:${secret:PASS}'])(
    'takes "%s" for plain: it only says where the secret is',
    (value) => expect(splitHeaders({ authorization: value }).sensitive).toEqual({}),
  );

  it.each([
    'Bearer sk-1',
    'sk-1 ${secret:KEY}',
    '${secret:KEY}x',
    'Bearer',
    '',
    '${secret:KEY',
    'user:${secret:P}',
  ])('takes "%s" for a credential', (value) =>
    expect(splitHeaders({ authorization: value }).plain).toEqual({}),
  );
});
