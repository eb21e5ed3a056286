import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { parseDataUrl } from './data-url.js';

describe('a data URL', () => {
  it('holds any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const read = parseDataUrl(`data:image/png;base64,${Buffer.from(bytes).toString('base64')}`);
        expect([read?.type, Buffer.from(read?.base64 ?? '?', 'base64')]).toEqual([
          'image/png',
          Buffer.from(bytes),
        ]);
      }),
    );
  });

  it.each([
    ['data:IMAGE/PNG;base64,AAAA', 'image/png', 'AAAA'],
    ['data:;base64,AAAA', 'text/plain', 'AAAA'],
    ['data:text/plain;charset=utf-8;base64,AA==', 'text/plain', 'AA=='],
    ['data:image/svg+xml;base64,AA\nAA ', 'image/svg+xml', 'AAAA'],
    ['data:video/mp4;base64,', 'video/mp4', ''],
  ])('%j is of type %s', (text, type, base64) => {
    expect(parseDataUrl(text)).toEqual({ type, base64 });
  });

  it.each([
    '',
    'data:',
    'data:image/png,AAAA',
    'data:image/png;base64;AAAA',
    'data:image/png;base64,A"A',
    'data:image/png;base64,A===',
    'https://example.com/a.png',
    ' data:image/png;base64,AAAA',
    `data:${'x'.repeat(300)}/png;base64,AAAA`,
    'data:a b/c;base64,AAAA',
  ])('is not %j', (text) => {
    expect(parseDataUrl(text)).toBeNull();
  });

  it('is read in linear time', () => {
    const before = performance.now();
    expect(parseDataUrl(`data:image/png;base64,${'A'.repeat(20_000_000)}"`)).toBeNull();
    expect(parseDataUrl(`data:${';'.repeat(1_000_000)}`)).toBeNull();
    expect(performance.now() - before).toBeLessThan(2000);
  });
});
