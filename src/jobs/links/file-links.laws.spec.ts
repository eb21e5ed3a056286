import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSignedLink } from '../../access/admission-check.js';
import { isValidLink, signedFilePath } from './file-links.js';

const ID = '0198a1b2-0000-7000-8000-000000000001';
const KEY = Buffer.alloc(32, 1);
const NOW_MS = 1_764_150_000_000;
const EXPIRES_S = NOW_MS / 1000 + 60;

function parametersOf(path: string) {
  const { searchParams } = new URL(path, 'http://x');
  return { expires: searchParams.get('expires') ?? '', signature: searchParams.get('signature') ?? '' };
}

describe('a signed link', () => {
  const path = signedFilePath(KEY, ID, 3, EXPIRES_S);
  const link = parametersOf(path);

  it('opens its file until it expires', () => {
    expect(isValidLink(KEY, ID, 3, link, NOW_MS)).toBe(true);
    expect(isValidLink(KEY, ID, 3, link, EXPIRES_S * 1000)).toBe(false);
  });

  it('opens no other file, job or time, and none under another key', () => {
    const other = '0198a1b2-0000-7000-8000-000000000002';
    expect(isValidLink(KEY, ID, 4, link, NOW_MS)).toBe(false);
    expect(isValidLink(KEY, other, 3, link, NOW_MS)).toBe(false);
    expect(isValidLink(KEY, ID, 3, { ...link, expires: String(EXPIRES_S + 1) }, NOW_MS)).toBe(false);
    expect(isValidLink(Buffer.alloc(32, 2), ID, 3, link, NOW_MS)).toBe(false);
  });

  it('is let in without a key only as a GET of a file', () => {
    expect(isSignedLink('GET', path)).toBe(true);
    expect(isSignedLink('DELETE', path)).toBe(false);
    expect(isSignedLink('GET', path.replace('signature=', 'signatur%65='))).toBe(false);
    expect(isSignedLink('GET', `/api/v1/jobs/${ID}?signature=x`)).toBe(false);
    expect(isSignedLink('GET', `/api/v1/workers?x=/api/v1/jobs/${ID}/files/3&signature=x`)).toBe(false);
  });

  it('never opens by what is made up', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (expires, signature) => {
        expect(isValidLink(KEY, ID, 3, { expires, signature }, NOW_MS)).toBe(false);
      }),
    );
  });
});
