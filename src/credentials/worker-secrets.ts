import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';

/** No source has a value for a `${secret:NAME}`. The message never holds a value. */
export class SecretMissingError extends Error {
  override readonly name = 'SecretMissingError';

  constructor(
    readonly secretName: string,
    why: string,
    message = `no secret "${secretName}": set WORKER_SECRET_${secretName} or put a file ${secretName} into SECRETS_DIR (${why})`,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The secret is there, and the worker is not where it may be sent. */
export class SecretForbiddenError extends SecretMissingError {
  constructor(secretName: string, forbidden: string, allowed: readonly string[]) {
    super(
      secretName,
      '',
      `the secret "${secretName}" may be sent to ${allowed.join(', ')} only (WORKER_SECRET_${secretName}_ORIGINS), and not to ${forbidden}`,
    );
  }
}

const secretName = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$/;
const maxBytes = 64 * 1024;
/** A changed file takes effect after this time; requests before it read no file. */
const freshMs = 1_000;
/** Names come from registrations; no folder of secrets holds more. */
const maxCached = 1_000;

interface Cached {
  readonly found: string | SecretMissingError;
  readonly at: number;
}

/** Values of `${secret:NAME}`, read when a worker is called, so that nothing is stored. */
export class WorkerSecrets {
  readonly #cache = new Map<string, Cached>();

  constructor(
    /** By name, without `WORKER_SECRET_`. Comes before the folder. */
    private readonly environment: ReadonlyMap<string, string>,
    private readonly secretsDir: string | null,
    /** The origins to which a secret may be sent; of others, to every worker that names them. */
    private readonly origins: ReadonlyMap<string, readonly string[]> = new Map(),
  ) {}

  /** The secrets of a worker. @param origins where its credentials are sent, as `originsOf` writes them */
  for(origins: string): (name: string) => string {
    return (name) => {
      const fault = this.forbidden(name, origins);
      if (fault !== null) throw fault;
      return this.lookup(name);
    };
  }

  /** Why a worker may not have this secret; `null`: it may. */
  forbidden(name: string, origins: string): SecretForbiddenError | null {
    const allowed = this.origins.get(name);
    if (allowed === undefined) return null;
    const other = origins.split(', ').find((origin) => !allowed.includes(origin));
    return other === undefined ? null : new SecretForbiddenError(name, other, allowed);
  }

  /** @throws SecretMissingError */
  lookup(name: string): string {
    const value = this.environment.get(name);
    if (value !== undefined && value !== '') return value;
    const found = this.#fromFolder(name);
    if (typeof found !== 'string') throw found;
    return found;
  }

  #fromFolder(name: string): string | SecretMissingError {
    const now = performance.now();
    const cached = this.#cache.get(name);
    if (cached !== undefined && now - cached.at < freshMs) return cached.found;
    if (this.#cache.size >= maxCached) this.#cache.clear();
    const found = this.#read(name);
    this.#cache.set(name, { found, at: now });
    return found;
  }

  #read(name: string): string | SecretMissingError {
    if (this.secretsDir === null) return new SecretMissingError(name, 'which is not set');
    if (!secretName.test(name)) return new SecretMissingError(name, 'which cannot hold a file of that name');
    try {
      return readSecret(this.secretsDir, name);
    } catch (error) {
      const why = error instanceof UnusableFile ? error.message : 'which has no such file that can be read';
      return new SecretMissingError(name, why, undefined, { cause: error });
    }
  }
}

class UnusableFile extends Error {}

function readSecret(folder: string, name: string): string {
  const root = realpathSync(folder);
  // Kubernetes mounts each secret as a link to a link inside the folder: links are followed, but not out of it.
  const path = realpathSync(join(root, name));
  if (!path.startsWith(root.endsWith(sep) ? root : root + sep))
    throw new UnusableFile('whose file is a link out of it');
  // Not blocking: a pipe would hold up the whole process.
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw new UnusableFile('where it is not a plain file');
    const bytes = Buffer.alloc(maxBytes + 1);
    const length = readSync(file, bytes, 0, bytes.length, 0);
    if (length > maxBytes) throw new UnusableFile(`where it is larger than ${maxBytes} bytes`);
    return usable(bytes.subarray(0, length));
  } finally {
    closeSync(file);
  }
}

function usable(bytes: Buffer): string {
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  if (text === '') throw new UnusableFile('where it is empty');
  if (text.includes('\ufffd') || text.includes('\0')) throw new UnusableFile('where it is not text in UTF-8');
  return text;
}
