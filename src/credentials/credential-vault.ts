import { CredentialCipher, CredentialsUnreadableError, type CredentialBinding } from './credential-cipher.js';

/** The cipher, if this service has keys. Without any, credentials can be neither stored nor read. */
export class CredentialVault {
  constructor(private readonly cipher: CredentialCipher | null) {}

  get canSeal(): boolean {
    return this.cipher !== null;
  }

  seal(plain: Readonly<Record<string, string>>, binding: CredentialBinding): string {
    if (this.cipher === null) throw new CredentialsUnreadableError('this service has no CREDENTIALS_KEYS');
    return this.cipher.seal(plain, binding);
  }

  /** @throws CredentialsUnreadableError */
  open(sealed: string, binding: CredentialBinding): Readonly<Record<string, string>> {
    if (this.cipher === null) throw new CredentialsUnreadableError('this service has no CREDENTIALS_KEYS');
    return this.cipher.open(sealed, binding);
  }
}
