import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import { AccessSettings } from '../../config/settings.js';
import { CredentialsUnreadableError, CredentialVault } from '../../credentials/credential-cipher.js';
import { type SignInWays, SignInUnavailableError } from '../access-errors.js';
import { type Caller, ROOT } from '../caller.js';
import { LiveKeys } from '../keys/live-keys.js';
import {
  groupsThatCount,
  type RoleRule,
  roleOf,
  roleRulesOf,
  type Vouched,
  vouchedCaller,
} from './role-rules.js';

const SESSION_COOKIE = 'mmm_session';
/** A working day: a signing out, an admin and, of a key, its revocation end a session before. */
const SESSION_S = 8 * 3_600;

type Plain = Readonly<Record<string, string>>;

/**
 * Sessions of browsers. A session is a cookie sealed under CREDENTIALS_KEYS, so that it outlives a restart and works on every replica
 * without a table of sessions; a table has only those that an admin ended.
 */
@Injectable()
export class Sessions {
  private readonly rules: readonly RoleRule[];
  /** Of ADMIN_API_KEY: its sessions end when it is replaced. */
  private readonly adminMark: string;

  constructor(
    private readonly settings: AccessSettings,
    private readonly vault: CredentialVault,
    private readonly keys: LiveKeys,
  ) {
    this.rules = roleRulesOf(settings.roleRules);
    this.adminMark = hash('sha256', `session ${settings.adminKeyHash}`, 'base64');
  }

  /** The caller of a session; `null`: there is none, or it has ended. */
  find({ cookie }: IncomingHttpHeaders): Caller | null {
    if (cookie === undefined) return null;
    const sealed = cookieIn(cookie, SESSION_COOKIE);
    const plain = sealed === null ? null : this.open('session', sealed);
    if (plain === null) return null;
    const { kind, key = '', issuer = '', user = '', name = '', groups = '[]' } = plain;
    // A release before compared with its own clock.
    const knownMs = Number(plain['known'] ?? Number(plain['until']) - SESSION_S * 1_000 - 1);
    if (kind === 'root')
      return key === this.adminMark && !this.keys.hasEnded(knownMs, [ROOT.name]) ? ROOT : null;
    // Until the tables are read, it is not known which sessions were ended.
    if (!this.keys.isLoaded) return null;
    if (kind === 'key') {
      const found = this.keys.findById(key);
      return typeof found === 'string' || this.keys.hasEnded(knownMs, [found.name]) ? null : found;
    }
    // Provider and role are today's: the settings may have changed.
    if (issuer !== this.settings.oidc?.issuer) return null;
    const vouched = { issuer, user, name, groups: JSON.parse(groups) as readonly string[] };
    const role = roleOf(vouched, this.rules);
    if (role === null) return null;
    const caller = vouchedCaller(vouched, role);
    return this.keys.hasEnded(knownMs, [caller.name, user, name]) ? null : caller;
  }

  /** The cookie of a user that signed in. @throws SignInUnavailableError */
  ofUser({ issuer, user, name, groups }: Vouched, isSecure: boolean): string {
    const counting = JSON.stringify(groupsThatCount(groups, this.rules));
    return this.sessionCookie({ kind: 'user', issuer, user, name, groups: counting }, isSecure);
  }

  /** The cookie of a key: it ends with the key. @throws SignInUnavailableError */
  ofKey({ keyId }: Caller, isSecure: boolean): string {
    const plain = keyId === null ? { kind: 'root', key: this.adminMark } : { kind: 'key', key: keyId };
    return this.sessionCookie(plain, isSecure);
  }

  /** Whether a caller is a key of ours, which a session may stand for. */
  isKey({ keyId }: Caller): boolean {
    return keyId === null || this.keys.callerWithId(keyId) !== undefined;
  }

  /** How a browser can sign in. */
  get ways(): SignInWays {
    const canSeal = this.vault.canSeal;
    return { key: canSeal, oidc: canSeal && this.settings.oidc !== null };
  }

  ended(isSecure: boolean): string {
    return cookieText(SESSION_COOKIE, '', { path: '/', sameSite: 'Strict', maxAgeS: 0, isSecure });
  }

  /** @param what keeps a text from being taken for another one @throws SignInUnavailableError */
  seal(what: string, plain: Plain, lifetimeS: number): string {
    if (!this.vault.canSeal)
      throw new SignInUnavailableError('signing in needs CREDENTIALS_KEYS, which encrypts sessions');
    return this.vault.seal({ ...plain, until: String(Date.now() + lifetimeS * 1_000) }, bindingOf(what));
  }

  /** `null`: not sealed here, or its time is over. */
  open(what: string, sealed: string): Plain | null {
    try {
      const plain = this.vault.open(sealed, bindingOf(what));
      return Date.now() < Number(plain['until']) ? plain : null;
    } catch (error) {
      if (error instanceof CredentialsUnreadableError) return null;
      throw error;
    }
  }

  private sessionCookie(plain: Plain, isSecure: boolean): string {
    const known = String(this.keys.lastSessionEndMs);
    const sealed = this.seal('session', { ...plain, known }, SESSION_S);
    return cookieText(SESSION_COOKIE, sealed, {
      path: '/',
      sameSite: 'Strict',
      maxAgeS: SESSION_S,
      isSecure,
    });
  }
}

interface CookieOptions {
  readonly path: string;
  readonly sameSite: 'Strict' | 'Lax';
  readonly maxAgeS: number;
  readonly isSecure: boolean;
}

/** A `Set-Cookie`; no page's script can read it. */
export function cookieText(
  name: string,
  value: string,
  { path, sameSite, maxAgeS, isSecure }: CookieOptions,
): string {
  return `${name}=${value}; Path=${path}; Max-Age=${maxAgeS}; HttpOnly; SameSite=${sameSite}${isSecure ? '; Secure' : ''}`;
}

export function cookieIn(cookies: string, name: string): string | null {
  for (const pair of cookies.split(';')) {
    const [key = '', value] = pair.trim().split('=', 2);
    if (key === name && value !== undefined && value !== '') return value;
  }
  return null;
}

/** No worker has such an id, so that no stored credential opens as a session, nor a session as one. */
function bindingOf(what: string): { readonly workerId: string; readonly origins: string } {
  return { workerId: `sign-in ${what}`, origins: '' };
}
