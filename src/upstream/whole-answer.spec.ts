import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodedText } from './whole-answer.js';

describe('the text of a body', () => {
  it('is decoded without an error, whatever the bytes and the content-type', () => {
    const contentType = fc.oneof(
      fc.constant(undefined),
      fc.string(),
      fc.string().map((label) => `a/b; charset=${label}`),
    );
    fc.assert(
      fc.property(fc.uint8Array(), contentType, (bytes, type) => {
        expect(typeof decodedText(Buffer.from(bytes), type)).toBe('string');
      }),
    );
  });

  it('equals the encoded text, in UTF-8 by default', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom(undefined, 'application/json'),
        (text, type) => {
          fc.pre(!text.startsWith('\ufeff'));
          expect(decodedText(Buffer.from(text), type)).toBe(text);
          expect(decodedText(Buffer.from(`\ufeff${text}`), type)).toBe(text);
        },
      ),
    );
  });

  it.each([
    ['text/plain; charset=iso-8859-1', 'e9', 'é'],
    ['text/plain;charset="windows-1251"', 'e9', 'й'],
    ['text/plain; charset=gb18030', 'c4e3', '你'],
    ['text/plain; charset=UTF8', 'c3a9', 'é'],
    ['text/plain; charset=klingon', 'c3a9', 'é'],
  ])('in %s', (contentType, hex, text) => {
    expect(decodedText(Buffer.from(hex, 'hex'), contentType)).toBe(text);
  });
});
