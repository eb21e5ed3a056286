import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CredentialCipher } from './credential-cipher.js';
import { KeyFileError, loadOrCreateKey } from './data-dir-key.js';

const aFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'keys-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, 'data', 'keys');
};
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('the key of a data folder', () => {
  it('is made once, readable by its owner only, without other files', async () => {
    const folder = await aFolder();
    const made = await loadOrCreateKey(folder);
    expect(() => CredentialCipher.fromSpec(made)).not.toThrow();
    expect(await loadOrCreateKey(folder)).toBe(made);
    expect(await modeOf(folder)).toBe(0o700);
    expect(await modeOf(join(folder, 'credentials.key'))).toBe(0o600);
    expect(await readdir(folder)).toEqual(['credentials.key']);
  });

  it('differs between folders', async () => {
    expect(await loadOrCreateKey(await aFolder())).not.toBe(await loadOrCreateKey(await aFolder()));
  });

  it('is the same for processes that start at once', async () => {
    const folder = await aFolder();
    const keys = await Promise.all(Array.from({ length: 20 }, () => loadOrCreateKey(folder)));
    expect(new Set(keys).size).toBe(1);
    expect(await readdir(folder)).toEqual(['credentials.key']);
  });

  it('is rejected if every user of the machine may read it', async () => {
    const folder = await aFolder();
    await loadOrCreateKey(folder);
    await chmod(join(folder, 'credentials.key'), 0o644);
    await expect(loadOrCreateKey(folder)).rejects.toThrow(/can be read by every user/);
    await chmod(join(folder, 'credentials.key'), 0o640);
    await expect(loadOrCreateKey(folder)).resolves.toMatch(/^local-/);
  });

  it.each(['', 'not a key', 'a:c2hvcnQ='])(
    'is never replaced, even if the file holds "%s"',
    async (content) => {
      const folder = await aFolder();
      await loadOrCreateKey(folder);
      await writeFile(join(folder, 'credentials.key'), content);
      await expect(loadOrCreateKey(folder)).rejects.toThrow(KeyFileError);
      await expect(loadOrCreateKey(folder)).rejects.toThrow(/credentials\.key holds no key; restore it/);
    },
  );
});
