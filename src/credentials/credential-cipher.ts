import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** What sealed credentials belong to. They open for nothing else, so a changed URL never gets the key of the old one. */
export interface CredentialBinding {
  readonly workerId: string;
  /** Where they may be sent: scheme, host and port of the worker's URL, as `URL.origin` writes them, then further origins. */
  readonly origins: string;
}

/** `CREDENTIALS_KEYS` is not a list of keys. The message names the entry and the fault, never the key. */
export class CredentialKeysError extends Error {
  override readonly name = 'CredentialKeysError';
}

export class CredentialsUnreadableError extends Error {
  override readonly name = 'CredentialsUnreadableError';

  /** @param isKeyMissing this service lacks the key; a service with other CREDENTIALS_KEYS may have it */
  constructor(
    message: string,
    readonly isKeyMissing = false,
  ) {
    super(message);
  }
}

const algorithm = 'aes-256-gcm';
const version = 'v1';
const keyBytes = 32;
/** NIST SP 800-38D: 96 random bits are safe for 2^32 seals under one key. */
const nonceBytes = 12;
const tagBytes = 16;
/** 64 bits: enough to distinguish settings. */
const fingerprintLength = 16;
const keyId = /^[A-Za-z0-9_-]{1,64}$/;
const base64 = /^[A-Za-z0-9+/_-]{43}=?$/;

/** Seals headers into a line of text, AES-256-GCM: `v1.<key id>.<base64url of nonce, ciphertext, tag>`. */
export class CredentialCipher {
  private constructor(
    private readonly currentId: string,
    private readonly keys: ReadonlyMap<string, Buffer>,
  ) {}

  /** `id:base64-32-bytes,…`: the first seals, all open. @throws CredentialKeysError */
  static fromSpec(spec: string): CredentialCipher {
    const keys = new Map<string, Buffer>();
    for (const [index, entry] of spec.split(',').entries()) {
      const [id = '', ...rest] = entry.trim().split(':');
      const key = rest.join(':');
      const fail = (why: string): CredentialKeysError =>
        new CredentialKeysError(`entry ${index + 1} of CREDENTIALS_KEYS ${why}`);
      if (rest.length === 0) throw fail('is not written id:key');
      if (!keyId.test(id)) throw fail('has an id that is not 1 to 64 letters, digits, "_" or "-"');
      const bytes = Buffer.from(key, 'base64');
      if (!base64.test(key) || bytes.length !== keyBytes) throw fail(`("${id}") is not 32 bytes in base64`);
      if (keys.has(id)) throw fail(`has the same id "${id}" as an earlier entry`);
      keys.set(id, bytes);
    }
    const [first] = keys.keys();
    if (first === undefined) throw new CredentialKeysError('CREDENTIALS_KEYS holds no key');
    return new CredentialCipher(first, keys);
  }

  /** The first seals, all open. */
  get keyIds(): readonly string[] {
    return [...this.keys.keys()];
  }

  /** The same for ciphers that open the same texts, whatever the order of their keys. It reveals nothing of the keys. */
  get fingerprint(): string {
    const keys = [...this.keys].map(([id, key]) => `${id}:${key.toString('base64')}`).toSorted();
    return createHash('sha256').update(keys.join(',')).digest('hex').slice(0, fingerprintLength);
  }

  seal(plain: Readonly<Record<string, string>>, binding: CredentialBinding): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#key(this.currentId), nonce, { authTagLength: tagBytes });
    cipher.setAAD(boundTo(this.currentId, binding));
    const sealed = [nonce, cipher.update(JSON.stringify(plain), 'utf8'), cipher.final(), cipher.getAuthTag()];
    return `${version}.${this.currentId}.${Buffer.concat(sealed).toString('base64url')}`;
  }

  /** @throws CredentialsUnreadableError */
  open(sealed: string, binding: CredentialBinding): Record<string, string> {
    const [sealedVersion, id = '', text = '', ...more] = sealed.split('.');
    const bytes = Buffer.from(text, 'base64url');
    if (sealedVersion !== version || more.length > 0 || bytes.length < nonceBytes + tagBytes) {
      throw new CredentialsUnreadableError('the stored text was not sealed by this service');
    }
    const key = this.#key(id);
    const tagAt = bytes.length - tagBytes;
    const cipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    cipher.setAAD(boundTo(id, binding)).setAuthTag(bytes.subarray(tagAt));
    try {
      const plain = Buffer.concat([cipher.update(bytes.subarray(nonceBytes, tagAt)), cipher.final()]);
      return headersIn(plain.toString('utf8'));
    } catch {
      throw new CredentialsUnreadableError(
        `they were stored for another worker or another origin than ${binding.origins}, or were changed since`,
      );
    }
  }

  #key(id: string): Buffer {
    const key = this.keys.get(id);
    if (key === undefined) {
      throw new CredentialsUnreadableError(
        `they are sealed under the key "${id}", which CREDENTIALS_KEYS lacks`,
        true,
      );
    }
    return key;
  }
}

/** The id of the key under which this text is sealed; '' if it is no sealed text. */
export function keyIdOf(sealed: string): string {
  return sealed.split('.', 2)[1] ?? '';
}

/** JSON, so that no two bindings give the same text. */
const boundTo = (id: string, { workerId, origins }: CredentialBinding): Buffer =>
  Buffer.from(JSON.stringify([version, id, workerId, origins]), 'utf8');

function headersIn(json: string): Record<string, string> {
  const parsed: unknown = JSON.parse(json);
  if (typeof parsed !== 'object' || parsed === null) throw new TypeError('not an object');
  const pairs = Object.entries(parsed).filter(
    (pair): pair is [string, string] => typeof pair[1] === 'string',
  );
  return Object.fromEntries(pairs);
}

/** The cipher, if this service has keys. Without keys, credentials can be neither stored nor read. */
export class CredentialVault {
  constructor(private readonly cipher: CredentialCipher | null) {}

  get canSeal(): boolean {
    return this.cipher !== null;
  }

  /** The first seals, all open; none without keys. */
  get keyIds(): readonly string[] {
    return this.cipher?.keyIds ?? [];
  }

  /** See CredentialCipher.fingerprint; '' without keys. */
  get fingerprint(): string {
    return this.cipher?.fingerprint ?? '';
  }

  seal(plain: Readonly<Record<string, string>>, binding: CredentialBinding): string {
    if (this.cipher === null)
      throw new CredentialsUnreadableError('this service has no CREDENTIALS_KEYS', true);
    return this.cipher.seal(plain, binding);
  }

  /** @throws CredentialsUnreadableError */
  open(sealed: string, binding: CredentialBinding): Readonly<Record<string, string>> {
    if (this.cipher === null)
      throw new CredentialsUnreadableError('this service has no CREDENTIALS_KEYS', true);
    return this.cipher.open(sealed, binding);
  }
}
