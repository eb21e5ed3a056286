import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact } from './redact.js';

describe('redact', () => {
  it('hides every occurrence of every secret', () => {
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

  it('changes nothing in a text without secrets', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(redact(text, [`${text}1234`])).toBe(text);
      }),
    );
  });

  it.each([
    ['as plain text', 'key Bearer sk-1"2 is wrong'],
    ['without its scheme', 'key sk-1"2 is wrong'],
    ['in JSON', '{"key":"sk-1\\"2"}'],
    ['in a URL', '/?key=sk-1%222'],
  ])('hides a header %s', (_how, text) => {
    expect(redact(text, ['Bearer sk-1"2'])).toMatch(/\[hidden\]/);
    expect(redact(text, ['Bearer sk-1"2'])).not.toContain('sk-1');
  });

  const SECRET = 'sk-ä/+ "1"\\2=';
  it.each<[string, (secret: string) => string]>([
    ['of a URL', encodeURIComponent],
    ['of a URL, in small letters', (secret) => encodeURIComponent(secret).toLowerCase()],
    ['of a URL within a URL', (secret) => encodeURIComponent(encodeURIComponent(secret))],
    ['of a form', (secret) => new URLSearchParams({ secret }).toString()],
    ['of JSON', (secret) => JSON.stringify({ secret })],
    ['of JSON within JSON', (secret) => JSON.stringify(JSON.stringify({ secret }))],
    ['of JSON in ASCII', (secret) => JSON.stringify(secret).replace('ä', '\\u00e4').replace('/', '\\/')],
    ['of HTML', (secret) => secret.replaceAll('"', '&quot;').replace('ä', '&#228;').replace('+', '&#x2B;')],
    ['of hex', (secret) => Buffer.from(secret).toString('hex')],
    ['of hex, in capitals', (secret) => Buffer.from(secret).toString('hex').toUpperCase()],
    ['of capitals', (secret) => secret.replace('sk', 'SK')],
  ])('sees through the letters %s', (_what, encode) => {
    const shown = redact(`<${encode(SECRET)}>`, [SECRET]);
    expect(shown).toMatch(/^<[\w"{}:=\\]*\[hidden\]["}\\]*>$/);
  });

  it('hides a secret inside longer base64', () => {
    const secret = fc.string({ unit: 'grapheme', minLength: 8, maxLength: 40 });
    fc.assert(
      fc.property(
        secret,
        fc.string(),
        fc.string(),
        fc.constantFrom<BufferEncoding>('base64', 'base64url'),
        (key, before, after, code) => {
          const text = Buffer.from(before + key + after).toString(code);
          const shown = redact(text, [key]);
          const left = shown.split('[hidden]').map((part) => Buffer.from(part, 'base64').toString());
          expect(shown).toContain('[hidden]');
          expect(left.filter((part) => part.includes(key.slice(1, -1)))).toEqual([]);
        },
      ),
    );
  });

  it('hides the user and password of a Basic header', () => {
    const header = `Basic ${Buffer.from('robot:hunter22').toString('base64')}`;
    expect(redact('user robot:hunter22, password hunter22', [header])).toBe(
      'user [hidden], password [hidden]',
    );
  });

  it('hides a whole secret at the end of the shown part, and shows nothing behind it', () => {
    for (let shown = 0; shown <= 12; shown++)
      expect(redact('ab secret99 cd', ['secret99'], shown)).toBe(
        'ab [hidden] cd'.slice(0, shown <= 3 ? shown : 11) + (shown > 11 ? ' ' : ''),
      );
  });

  it('hides overlapping secrets', () => {
    expect(redact('xabcdefghx', ['abcdef', 'defgh'])).toBe('x[hidden]x');
    expect(redact('abcdabcd', ['abcd'])).toBe('[hidden]');
  });

  it('takes little time for long secrets and long texts', () => {
    const secrets = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(600));
    const text = '\\'.repeat(30_000) + '%25'.repeat(10_000) + '0'.repeat(3_000);
    const startMs = performance.now();
    redact(text, [...secrets, '\\'.repeat(900), 'x'.repeat(16_000)]);
    expect(performance.now() - startMs).toBeLessThan(30_000);
  });

  it('hides a whole secret that begins with a shorter one', () => {
    expect(redact('abcdefgh', ['abcd', 'abcdefgh'])).toBe('[hidden]');
  });

  it('keeps words that are too short to be a secret', () => {
    expect(redact('the cat', ['the', 'a'])).toBe('the cat');
  });
});
