import { Injectable } from '@nestjs/common';
import { CredentialsUnreadableError } from '../credentials/credential-cipher.js';
import { CredentialVault } from '../credentials/credential-vault.js';
import { splitHeaders } from '../credentials/sensitive-headers.js';
import { isJsonObject } from '../input/json.js';
import type { WorkerEntity } from './worker.entity.js';

/** The headers of a row, as far as they can be read. */
export interface StoredHeaders {
  readonly shown: Readonly<Record<string, string>>;
  /** Their values never leave this service but to the worker itself. */
  readonly hidden: Readonly<Record<string, string>>;
  /** Of `hidden`, what is sealed in the row. */
  readonly sealed: Readonly<Record<string, string>>;
  /** Where the hidden ones may go; `null` if the URL is none. */
  readonly origin: string | null;
  /** Why the sealed ones cannot be read, if they cannot. */
  readonly unreadable: string | null;
}

/** Opens what is sealed in a row, and seals it again when it changed. */
@Injectable()
export class SealedHeaders {
  constructor(private readonly vault: CredentialVault) {}

  /** @param returnTo an origin the worker is about to get: a URL that was changed by hand may be put right */
  read(row: WorkerEntity, returnTo: string | null = null): StoredHeaders {
    const { plain: shown, sensitive } = splitHeaders(stringsOf(row.header));
    const own = originOf(row.req_url_template);
    const none = { shown, hidden: sensitive, sealed: {}, origin: own };
    if (row.sealed_header === null) return { ...none, unreadable: null };
    let unreadable = 'its URL is none';
    for (const origin of new Set([own, returnTo])) {
      if (origin === null) continue;
      try {
        const sealed = this.vault.open(row.sealed_header, { workerId: row.id, origin });
        return { shown, hidden: { ...sensitive, ...sealed }, sealed, origin, unreadable: null };
      } catch (error) {
        if (!(error instanceof CredentialsUnreadableError)) throw error;
        unreadable = error.message;
      }
    }
    return { ...none, unreadable };
  }

  /**
   * The column `sealed_header`: as it is where it holds the same already (sealing again would give another text, and the
   * worker another generation), or where nobody can tell what it holds and nothing was given instead.
   */
  seal(
    row: WorkerEntity,
    stored: StoredHeaders,
    sensitive: Readonly<Record<string, string>>,
    origin: string,
  ): string | null {
    if (stored.unreadable !== null && Object.keys(sensitive).length === 0) return row.sealed_header;
    if (Object.keys(sensitive).length === 0) return null;
    if (row.sealed_header !== null && stored.origin === origin && isSame(stored.sealed, sensitive))
      return row.sealed_header;
    return this.vault.seal(sensitive, { workerId: row.id, origin });
  }
}

/** What a view shows: names, and values only of those that are no secret. */
export function shownHeaders({ shown, hidden }: StoredHeaders): Readonly<Record<string, string>> | null {
  const names = Object.keys(hidden);
  if (names.length + Object.keys(shown).length === 0) return null;
  return { ...shown, ...Object.fromEntries(names.map((name) => [name, SEALED])) };
}

export function originOf(url: unknown): string | null {
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).origin : null;
}

/** Of a column that may have been edited by hand. */
function stringsOf(header: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(header)) return {};
  return Object.fromEntries(
    Object.entries(header).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** Stands where a view shows a header whose value is stored and never shown. Sent back in a change: what is stored stays. */
export const SEALED = '<sealed>';
