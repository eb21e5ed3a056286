import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretText } from './secret-text.js';

const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 600 }),
  fc
    .array(fc.integer({ min: 0xd7ff, max: 0xe000 }), { maxLength: 3 })
    .map((units) => String.fromCharCode(...units)),
  fc.string({ unit: fc.constantFrom('a', '\0', 'é', '語'), maxLength: 300 }),
);

describe('SecretText', () => {
  it('is the very text and no other, whatever was compared before', () => {
    fc.assert(
      fc.property(texts, fc.array(texts), (secret, others) => {
        const compared = new SecretText(secret);
        for (const text of [...others, secret, ...others]) expect(compared.is(text)).toBe(text === secret);
      }),
    );
  });

  it.each([
    ['one that begins alike', 'sesame-open-123'],
    ['one that goes on', 'sesame-open-12345'],
    ['one with zeros behind it', 'sesame-open-1234\0'],
    ['one that is much longer', 'sesame-open-1234'.repeat(1_000)],
    ['none', ''],
  ])('is not %s', (_which, text) => {
    expect(new SecretText('sesame-open-1234').is(text)).toBe(false);
  });
});
