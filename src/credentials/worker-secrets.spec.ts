import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SecretMissingError, WorkerSecrets } from './worker-secrets.js';

const aFolder = (files: Readonly<Record<string, string | Buffer>> = {}): string => {
  const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'secrets'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, 'secrets', name), content);
  return join(folder, 'secrets');
};
const none: ReadonlyMap<string, string> = new Map();
const inFolder = (folder: string | null): WorkerSecrets => new WorkerSecrets(none, folder);

describe('WorkerSecrets', () => {
  it('reads the environment first, then the folder', () => {
    const secrets = new WorkerSecrets(new Map([['A', 'environment']]), aFolder({ A: 'file', B: 'file' }));
    expect([secrets.lookup('A'), secrets.lookup('B')]).toEqual(['environment', 'file']);
  });

  it.each([
    ['value\n', 'value'],
    ['value\r\n', 'value'],
    ['value\n\n', 'value\n'],
    [' value ', ' value '],
    ['ключ', 'ключ'],
  ])('removes one newline at the end of a file: %j gives %j', (content, value) => {
    expect(inFolder(aFolder({ KEY: content })).lookup('KEY')).toBe(value);
  });

  it('reads a file again after a second, found or not', async () => {
    const folder = aFolder({ KEY: 'old' });
    const secrets = inFolder(folder);
    expect(secrets.lookup('KEY')).toBe('old');
    expect(() => secrets.lookup('LATE')).toThrow(SecretMissingError);
    writeFileSync(join(folder, 'KEY'), 'new');
    writeFileSync(join(folder, 'LATE'), 'there');
    expect(secrets.lookup('KEY')).toBe('old');
    await vi.waitFor(() => expect(secrets.lookup('KEY')).toBe('new'), { timeout: 5_000 });
    expect(secrets.lookup('LATE')).toBe('there');
  });

  it('follows the links by which Kubernetes mounts a secret', () => {
    const folder = aFolder();
    mkdirSync(join(folder, '..2024_01_01'));
    writeFileSync(join(folder, '..2024_01_01', 'KEY'), 'mounted');
    symlinkSync('..2024_01_01', join(folder, '..data'));
    symlinkSync(join('..data', 'KEY'), join(folder, 'KEY'));
    expect(inFolder(folder).lookup('KEY')).toBe('mounted');
  });

  it('accepts a folder that is a link', () => {
    const folder = aFolder({ KEY: 'value' });
    symlinkSync(folder, `${folder}-link`);
    expect(inFolder(`${folder}-link`).lookup('KEY')).toBe('value');
  });
});

describe('WorkerSecrets reports a missing secret', () => {
  it('with its name and both places it could be in', () => {
    expect(() => inFolder(null).lookup('OPENAI')).toThrow(
      'no secret "OPENAI": set WORKER_SECRET_OPENAI or put a file OPENAI into SECRETS_DIR (which is not set)',
    );
    expect(() => inFolder(aFolder()).lookup('OPENAI')).toThrow(/no such file/);
    expect(() => new WorkerSecrets(new Map([['OPENAI', '']]), null).lookup('OPENAI')).toThrow(
      SecretMissingError,
    );
  });

  it('if its file cannot be used as a value', () => {
    const folder = aFolder({ EMPTY: '\n', LARGE: 'x', BINARY: Buffer.from([0xff, 0xfe]), NUL: 'a\0b' });
    truncateSync(join(folder, 'LARGE'), 64 * 1024 + 1);
    mkdirSync(join(folder, 'FOLDER'));
    execFileSync('/usr/bin/mkfifo', [join(folder, 'PIPE')]);
    const secrets = inFolder(folder);
    expect(() => secrets.lookup('EMPTY')).toThrow(/it is empty/);
    expect(() => secrets.lookup('LARGE')).toThrow(/larger than 65536 bytes/);
    expect(() => secrets.lookup('BINARY')).toThrow(/not text/);
    expect(() => secrets.lookup('NUL')).toThrow(/not text/);
    expect(() => secrets.lookup('FOLDER')).toThrow(/not a plain file/);
    expect(() => secrets.lookup('PIPE')).toThrow(/not a plain file/);
  });

  it('if its file is a link out of the folder, or to nothing', () => {
    const folder = aFolder();
    const outside = join(folder, '..', 'outside');
    writeFileSync(outside, 'root:x:0:0');
    symlinkSync(outside, join(folder, 'OUT'));
    symlinkSync('nowhere', join(folder, 'NOWHERE'));
    symlinkSync('LOOP', join(folder, 'LOOP'));
    // A sibling whose name begins like the folder's is outside, too.
    mkdirSync(`${folder}-2`);
    writeFileSync(join(`${folder}-2`, 'KEY'), 'sibling');
    symlinkSync(join(`${folder}-2`, 'KEY'), join(folder, 'SIBLING'));
    const secrets = inFolder(folder);
    expect(() => secrets.lookup('OUT')).toThrow(/a link out of it/);
    expect(() => secrets.lookup('SIBLING')).toThrow(/a link out of it/);
    expect(() => secrets.lookup('NOWHERE')).toThrow(/no such file/);
    expect(() => secrets.lookup('LOOP')).toThrow(/no such file/);
    unlinkSync(outside);
  });

  it('for every name that is not a plain file name', () => {
    const folder = aFolder({ KEY: 'value' });
    writeFileSync(join(folder, '..', 'outside'), 'secret');
    const secrets = inFolder(folder);
    const tricky = fc.stringMatching(/^[./\\a-zKEY%0\0]{1,20}$/);
    const names = fc.oneof(
      tricky,
      fc.string(),
      fc.constantFrom('../outside', './KEY', '', '.', '..', 'KEY/', 'KEY\0'),
    );
    fc.assert(
      fc.property(names, (name) => {
        fc.pre(name !== 'KEY');
        expect(() => secrets.lookup(name)).toThrow(SecretMissingError);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a secret that is limited to origins', () => {
  const limited = new WorkerSecrets(
    new Map([
      ['OPENAI', 'sk-1'],
      ['FREE', 'x'],
    ]),
    null,
    new Map([['OPENAI', ['https://api.openai.com', 'https://eu.api.openai.com']]]),
  );

  it('is given to workers whose origins are all among them', () => {
    expect(limited.for('https://api.openai.com')('OPENAI')).toBe('sk-1');
    expect(limited.for('https://api.openai.com, https://eu.api.openai.com')('OPENAI')).toBe('sk-1');
    expect(limited.for('http://10.0.0.1')('FREE')).toBe('x');
  });

  it.each([
    'http://api.openai.com',
    'https://api.openai.com:8443',
    'https://api.openai.com.evil.example',
    'https://api.openai.com, https://evil.example',
    '',
  ])('is given to no other: %s', (origins) => {
    expect(() => limited.for(origins)('OPENAI')).toThrow('WORKER_SECRET_OPENAI_ORIGINS');
    expect(String(limited.forbidden('OPENAI', origins))).not.toContain('sk-1');
  });
});
