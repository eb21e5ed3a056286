import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact } from './redact.js';

describe('redacting', () => {
  it('leaves no secret behind, wherever and however often it stands', () => {
    const secret = fc
      .string({ unit: 'grapheme-ascii', minLength: 4 })
      .filter((text) => !'[hidden]'.includes(text));
    fc.assert(
      fc.property(fc.array(secret, { minLength: 1, maxLength: 4 }), fc.string(), (secrets, between) => {
        const shown = redact(secrets.join(between), secrets);
        // What is left may only hold a secret by what stood around it: hidden parts are cut out to look.
        for (const part of shown.split('[hidden]')) {
          expect(secrets.filter((each) => part.includes(each))).toEqual([]);
        }
      }),
    );
  });

  it('changes nothing where there is none', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(redact(text, [`${text}1234`])).toBe(text);
      }),
    );
  });

  it.each([
    ['as it is', 'key Bearer sk-1"2 is wrong'],
    ['without its scheme', 'key sk-1"2 is wrong'],
    ['in JSON', '{"key":"sk-1\\"2"}'],
    ['in a URL', '/?key=sk-1%222'],
  ])('hides a header %s', (_how, text) => {
    expect(redact(text, ['Bearer sk-1"2'])).toMatch(/\[hidden\]/);
    expect(redact(text, ['Bearer sk-1"2'])).not.toContain('sk-1');
  });

  it('hides a long secret whole, though a shorter one begins it', () => {
    expect(redact('abcdefgh', ['abcd', 'abcdefgh'])).toBe('[hidden]');
  });

  it('leaves words alone that are too short to be a secret', () => {
    expect(redact('the cat', ['the', 'a'])).toBe('the cat');
  });
});
