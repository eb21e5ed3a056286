import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { CredentialCipher } from './credential-cipher.js';

/** The key file of the data folder cannot be used. It is never replaced: credentials sealed with it would be lost. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
}

const fileName = 'credentials.key';
const worldBits = 0o007;

/**
 * The key of a service that has a data folder and no `CREDENTIALS_KEYS`, in that setting's form.
 * It is made at the first start; processes that start at once get the same key. @throws KeyFileError
 */
export async function loadOrCreateKey(keysDir: string): Promise<string> {
  const path = join(keysDir, fileName);
  const found = await read(path);
  if (found !== null) return found;
  await create(keysDir, path);
  const made = await read(path);
  if (made === null) throw new KeyFileError(`${path} was removed while it was made`);
  return made;
}

async function read(path: string): Promise<string | null> {
  let spec: string;
  try {
    spec = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw new KeyFileError(`${path} cannot be read`, { cause: error });
  }
  // The group may read it: volumes of a cluster belong to a group (fsGroup). Windows has no permission bits.
  if (process.platform !== 'win32' && ((await stat(path)).mode & worldBits) !== 0) {
    throw new KeyFileError(
      `${path} can be read by every user of this machine; run chmod 600 on it, or replace the key`,
    );
  }
  try {
    CredentialCipher.fromSpec(spec);
  } catch (error) {
    throw new KeyFileError(
      `${path} holds no key; restore it, or remove it and register the workers' credentials again`,
      { cause: error },
    );
  }
  return spec;
}

/** Written and synced under another name, then linked: the file never holds half a key, and never a second one. */
async function create(keysDir: string, path: string): Promise<void> {
  await mkdir(keysDir, { recursive: true, mode: 0o700 });
  await chmod(keysDir, 0o700);
  const id = `local-${randomBytes(4).toString('hex')}`;
  const draft = `${path}.${id}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${id}:${randomBytes(32).toString('base64')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await unlink(draft);
  }
  await syncFolder(keysDir);
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
