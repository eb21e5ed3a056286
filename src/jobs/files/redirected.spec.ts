import { describe, expect, it } from 'vitest';
import { redirected } from './file-fetcher.js';

const call = {
  method: 'POST' as const,
  origin: 'https://api.example',
  path: '/files/1',
  headers: { authorization: 'Bearer secret', 'x-key': 'secret', range: 'bytes=0-1', Accept: '*/*' },
  body: '{}',
  timeouts: { connectMs: 1, firstByteMs: null, idleMs: null, totalMs: 1 },
};

describe('a redirected file', () => {
  it('keeps its credentials at the same origin', () => {
    expect(redirected(call, '/files/2?x=1')).toMatchObject({
      method: 'GET',
      body: null,
      origin: 'https://api.example',
      path: '/files/2?x=1',
      headers: call.headers,
    });
  });

  it.each(['https://cdn.example/f', 'http://api.example/f', 'https://api.example:8443/f', '//cdn.example/f'])(
    'loses every header that may be a credential on its way to %s',
    (location) => {
      expect(redirected(call, location).headers).toEqual({ range: 'bytes=0-1', Accept: '*/*' });
    },
  );

  it.each(['ftp://cdn.example/f', 'file:///etc/passwd', 'javascript:alert(1)', 'http://'])(
    'does not follow %s',
    (location) => {
      expect(() => redirected(call, location)).toThrow(/redirects to/);
    },
  );
});
