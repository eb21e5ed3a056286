import { describe, expect, it } from 'vitest';
import { readPostgresUrl } from './postgres-url.js';

describe('a PostgreSQL URL', () => {
  it('of one host stays as it is', () => {
    for (const url of [
      'postgres://h/db',
      'postgresql://u:p%40@h:1/db?sslmode=verify-full',
      'postgres:///db?host=/run/pg',
    ])
      expect(readPostgresUrl(url)).toEqual({ urls: [url], target: 'any' });
  });

  it('of several hosts is one URL for each, in their order', () => {
    const url =
      'postgres://u:a@b@h1:5433,h2,[::1]:5434/db?target_session_attrs=read-write&sslmode=verify-full';
    const rest = '/db?target_session_attrs=read-write&sslmode=verify-full';
    expect(readPostgresUrl(url)).toEqual({
      urls: ['h1:5433', 'h2', '[::1]:5434'].map((host) => `postgres://u:a@b@${host}${rest}`),
      target: 'read-write',
    });
  });

  it('is refused when a host is missing, a port is none, or it wants a server that cannot be used', () => {
    for (const url of [
      'http://h/db',
      'postgres://',
      'postgres://h1,/db',
      'postgres://h1,,h2/db',
      'postgres://h1:x,h2/db',
      'postgres://h1,h2/db?target_session_attrs=standby',
    ])
      expect([url, readPostgresUrl(url)]).toEqual([url, null]);
  });

  it('verifies the server whatever TLS mode it names, unless it requests the modes of libpq', () => {
    const modeOf = (query: string) => readPostgresUrl(`postgres://h/db?${query}`)?.urls[0].split('?')[1];
    for (const mode of ['prefer', 'require', 'verify-ca'])
      expect(modeOf(`a=1&sslmode=${mode}&b=2`)).toBe('a=1&sslmode=verify-full&b=2');
    for (const kept of ['sslmode=disable', 'sslmode=no-verify', 'uselibpqcompat=true&sslmode=require'])
      expect(modeOf(kept)).toBe(kept);
  });
});
