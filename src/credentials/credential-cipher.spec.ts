import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CredentialCipher, CredentialKeysError, CredentialsUnreadableError } from './credential-cipher.js';

const aKey = (): string => randomBytes(32).toString('base64');
const [first, second] = [aKey(), aKey()];
const cipher = CredentialCipher.fromSpec(`a:${first}`);
const binding = { workerId: '0199-1', origins: 'https://api.example.org' };
const header = { authorization: 'Bearer sk-123' };

describe('CredentialCipher', () => {
  const headers = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }));

  it('opens what it sealed, and leaves no value readable in the text', () => {
    fc.assert(
      fc.property(headers, fc.string({ minLength: 12 }), (plain, secret) => {
        const sealed = cipher.seal({ ...plain, secret }, binding);
        expect(cipher.open(sealed, binding)).toEqual({ ...plain, secret });
        expect(sealed).not.toContain(secret);
      }),
    );
  });

  it('opens nothing for another worker or another origin, wherever the two are divided', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.string(),
        fc.string(),
        (workerId, origins, otherId, otherOrigins) => {
          fc.pre(workerId !== otherId || origins !== otherOrigins);
          const sealed = cipher.seal(header, { workerId, origins });
          expect(() => cipher.open(sealed, { workerId: otherId, origins: otherOrigins })).toThrow(
            CredentialsUnreadableError,
          );
        },
      ),
    );
    const sealed = cipher.seal(header, { workerId: 'ab', origins: 'c' });
    expect(() => cipher.open(sealed, { workerId: 'a', origins: 'bc' })).toThrow(CredentialsUnreadableError);
  });

  it('opens nothing after a change of one character', () => {
    const sealed = cipher.seal(header, binding);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const lastIsPadding = sealed.length - 1; // its low bits stand for no byte
    fc.assert(
      fc.property(fc.nat(lastIsPadding - 1), fc.constantFrom(...Array.from(alphabet)), (at, character) => {
        fc.pre(sealed[at] !== character);
        const changed = sealed.slice(0, at) + character + sealed.slice(at + 1);
        expect(() => cipher.open(changed, binding)).toThrow(CredentialsUnreadableError);
      }),
    );
  });

  it('throws only CredentialsUnreadableError for a text that was never sealed', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `v1.a.${text}`),
        ),
        (text) => {
          expect(() => cipher.open(text, binding)).toThrow(CredentialsUnreadableError);
        },
      ),
    );
  });
});

describe('the keys of CredentialCipher', () => {
  it('all open, and the first one seals', () => {
    const rotated = CredentialCipher.fromSpec(`b:${second}, a:${first}`);
    expect(rotated.open(cipher.seal(header, binding), binding)).toEqual(header);
    const sealed = rotated.seal(header, binding);
    expect(sealed).toMatch(/^v1\.b\./);
    expect(() => cipher.open(sealed, binding)).toThrow(/key "b", which CREDENTIALS_KEYS lacks/);
  });

  it('with the same id but other bytes open nothing', () => {
    const other = CredentialCipher.fromSpec(`a:${second}`);
    expect(() => other.open(cipher.seal(header, binding), binding)).toThrow(CredentialsUnreadableError);
  });

  it('seal the same values into different texts', () => {
    expect(cipher.seal(header, binding)).not.toBe(cipher.seal(header, binding));
  });

  it.each([
    ['', /entry 1 .* not written id:key/],
    [`a:${first},`, /entry 2 .* not written id:key/],
    [first, /entry 1 .* not written id:key/],
    [`a b:${first}`, /entry 1 .* id that is not/],
    [`:${first}`, /entry 1 .* id that is not/],
    ['a:c2hvcnQ=', /entry 1 .*"a".* not 32 bytes/],
    [`a:${first},b:${first.slice(1)}`, /entry 2 .*"b".* not 32 bytes/],
    [`a:${first},a:${second}`, /entry 2 .* the same id "a" as an earlier entry/],
  ])('are rejected in the form "%s" by a message without the key', (spec, message) => {
    const act = (): CredentialCipher => CredentialCipher.fromSpec(spec);
    expect(act).toThrow(CredentialKeysError);
    expect(act).toThrow(message);
    expect(act).not.toThrow(new RegExp(first.slice(4, 20).replaceAll(/[+/]/g, '.')));
  });
});
