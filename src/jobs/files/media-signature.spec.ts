import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyMp4 } from '../../../test/fakes/long-work/mp4.js';
import { drawing } from '../../../test/fakes/long-work/picture.js';
import { typeBySignature } from './media-signature.js';

describe('the type of a file without one', () => {
  it('is found in its first bytes', () => {
    expect(typeBySignature(Buffer.from(drawing('a cat', { width: 8, height: 8 })))).toBe('image/png');
    expect(typeBySignature(emptyMp4())).toBe('video/mp4');
    expect(typeBySignature(Buffer.from('ffd8ffe000104a464946', 'hex'))).toBe('image/jpeg');
    expect(typeBySignature(Buffer.from('524946462400000057454250565038', 'hex'))).toBe('image/webp');
    expect(typeBySignature(Buffer.from('0000001c6674797061766966', 'hex'))).toBe('image/avif');
    expect(typeBySignature(Buffer.from('1a45dfa3', 'hex'))).toBe('video/webm');
  });

  it('is unknown for text and for files that are cut off', () => {
    expect(typeBySignature(Buffer.alloc(0))).toBeNull();
    expect(typeBySignature(emptyMp4().subarray(0, 7))).toBeNull();
    fc.assert(fc.property(fc.lorem(), (text) => typeBySignature(Buffer.from(text)) === null));
  });
});
