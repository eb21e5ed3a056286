import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitHeaders } from './sensitive-headers.js';

describe('splitHeaders', () => {
  it('loses, duplicates and changes no header', () => {
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

  it('treats the value of every unknown header as a credential', () => {
    const header = {
      'Content-Type': 'application/json',
      ACCEPT: 'text/plain',
      'anthropic-version': '2023-06-01',
      'x-custom': 'any value',
      'x-api-key': 'sk-1',
      Authorization: 'Bearer sk-2',
      cookie: 'a=b',
    };
    expect(Object.keys(splitHeaders(header).plain)).toEqual(['Content-Type', 'ACCEPT', 'anthropic-version']);
  });

  it.each(['${secret:KEY}', 'Bearer ${secret:KEY}', 'basic ${secret:A}', '${secret:USER}:${secret:PASS}'])(
    'treats "%s" as plain: it holds only the name of a secret',
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
  ])('treats "%s" as a credential', (value) =>
    expect(splitHeaders({ authorization: value }).plain).toEqual({}),
  );
});
