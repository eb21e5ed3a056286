import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { AccessSettings } from '../config/settings.js';
import { DatabaseUnavailableError } from '../database/database-unavailable-error.js';
import { ForbiddenError, ForeignOriginError, type KeyRefusal, UnauthorizedError } from './access-errors.js';
import { namedTenant } from './acting-for.js';
import { type Caller, ROOT } from './caller.js';
import { hashOf, looksLikeKey } from './keys/key-text.js';
import { LiveKeys } from './keys/live-keys.js';
import { isForModels, RIGHTS, type Right } from './roles.js';
import { ProxySignIn } from './sign-in/proxy-sign-in.js';
import { checkSameOrigin } from './sign-in/same-origin.js';
import { Sessions } from './sign-in/sessions.js';
import { TokenSignIn } from './sign-in/token-sign-in.js';

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

interface Arriving {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly raw: IncomingMessage;
}

/** Decides for each request, from memory alone, who sends it and whether its role may use the route. */
@Injectable()
export class AdmissionCheck {
  constructor(
    private readonly settings: AccessSettings,
    private readonly keys: LiveKeys,
    private readonly proxy: ProxySignIn,
    private readonly tokens: TokenSignIn,
    private readonly sessions: Sessions,
  ) {}

  /**
   * @param right what the route needs; `undefined`: there is no such path
   * @throws UnauthorizedError, ForbiddenError, ForeignOriginError, InvalidInputError naming a header, DatabaseUnavailableError before the keys are read
   */
  admit(arriving: Arriving, right: Right | undefined): Caller {
    const { url, headers } = arriving;
    if (this.settings.protectedMode) this.checkOrigin(headers);
    if (right === 'open') return ROOT;
    if (this.settings.metricsOpen && (url === '/metrics' || url.startsWith('/metrics?'))) return ROOT;
    const caller = right === 'session' ? this.signedIn(arriving) : this.callerOf(arriving);
    if (right !== undefined && !(RIGHTS[right] as readonly string[]).includes(caller.role))
      throw ForbiddenError.role(caller.role, right);
    const tenant = isForModels(right) ? namedTenant(headers) : null;
    return tenant === null ? caller : this.keys.admitFor(caller, tenant);
  }

  /** For paths that need no key. @throws ForeignOriginError in protected mode */
  checkHost(headers: IncomingHttpHeaders): void {
    if (this.settings.protectedMode) this.checkOrigin(headers);
  }

  private signedIn(arriving: Arriving): Caller {
    try {
      return this.callerOf(arriving);
    } catch (error) {
      if (error instanceof UnauthorizedError) error.signIn = this.sessions.ways;
      throw error;
    }
  }

  private callerOf({ method, url, headers, raw }: Arriving): Caller {
    let refusal: KeyRefusal = 'missing_api_key';
    const unknown: string[] = [];
    let refusedToken: Error | null = null;
    for (const key of keysOf(headers)) {
      // Hashes need no comparison in constant time: the time taken says nothing about the key.
      const hash = hashOf(key);
      if (hash === this.settings.adminKeyHash) return ROOT;
      const found = this.keys.find(hash);
      if (typeof found !== 'string') return found;
      if (found === 'invalid_api_key' && this.tokens.isToken(key)) {
        const verdict = this.tokens.find(hash);
        if (verdict === undefined)
          throw new UnauthorizedError('invalid_token', undefined, [], () => this.tokens.verify(key));
        if (!(verdict instanceof Error)) return verdict;
        refusedToken ??= verdict;
      }
      // What is known of one key says more than that another is unknown.
      if (refusal === 'missing_api_key' || refusal === 'invalid_api_key') refusal = found;
      if (found === 'invalid_api_key' && looksLikeKey(key)) unknown.push(hash);
    }
    // Its signature is the key; the route checks it.
    if (isSignedLink(method, url)) return ROOT;
    // A text that cannot be a key of ours may be the proxy's own; a key that is refused stays refused.
    if (refusal === 'missing_api_key' || (refusal === 'invalid_api_key' && unknown.length === 0)) {
      // A session is for requests without any key.
      const user =
        (refusal === 'missing_api_key' ? this.sessions.find(headers) : null) ?? this.proxy.find(raw);
      if (user !== null) {
        checkSameOrigin(method, headers);
        return user;
      }
    }
    if (refusedToken !== null && refusal === 'invalid_api_key') throw refusedToken;
    if (!this.isKeyNeeded(refusal, unknown.length > 0)) return ROOT;
    if (refusal === 'invalid_api_key' && !this.keys.isLoaded)
      throw new DatabaseUnavailableError(new Error('the keys have not been read yet'));
    throw new UnauthorizedError(refusal, undefined, unknown);
  }

  /**
   * Where no key is needed, SDKs send a placeholder, which counts as none. A key of ours that is wrong does not: its client
   * means to have the rights of that key and no others.
   */
  private isKeyNeeded(refusal: KeyRefusal, hasUnknownKey: boolean): boolean {
    if (this.settings.adminKeyHash !== null) return true;
    if (refusal === 'invalid_api_key') return hasUnknownKey && this.settings.protectedMode;
    return refusal !== 'missing_api_key';
  }

  /** Against DNS rebinding: a page of evil.example that resolves to 127.0.0.1 still sends `Host: evil.example`. */
  private checkOrigin({ host, origin }: IncomingHttpHeaders): void {
    if (host === undefined || !LOOPBACK_HOST.test(host)) throw new ForeignOriginError('Host');
    if (origin === undefined || this.settings.corsOrigins.includes(origin)) return;
    const [, originHost] = /^https?:\/\/([^/]+)$/.exec(origin) ?? [];
    if (originHost === undefined || !LOOPBACK_HOST.test(originHost)) throw new ForeignOriginError('Origin');
  }
}

/**
 * Where clients put their key besides `Authorization`: Anthropic's and Azure's.
 * https://learn.microsoft.com/azure/ai-foundry/openai/reference#authentication
 */
const KEY_HEADERS = ['x-api-key', 'api-key'] as const;

/** One of them is enough: SDKs send a placeholder in one header and the key in another. */
function keysOf(headers: IncomingHttpHeaders): readonly string[] {
  const { authorization } = headers;
  const bearer = authorization === undefined ? undefined : /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  const keys: string[] = bearer === undefined ? [] : [bearer];
  for (const name of KEY_HEADERS) {
    const key = headers[name];
    if (typeof key === 'string') keys.push(key);
  }
  return keys;
}

/** Whether a request carries a key of its own, and not a session alone. */
export function hasKey(headers: IncomingHttpHeaders): boolean {
  return keysOf(headers).length > 0;
}

const SIGNED_FILE = /^\/api\/v1\/jobs\/[0-9a-f-]{36}\/files\/\d{1,6}\?(?:[^#]*&)?signature=[\w-]/i;

/**
 * Whether a request comes by a signed link to a file, which needs no key. The signature is not checked here: the route
 * that serves files calls this function, too, and checks it.
 */
export function isSignedLink(method: string, url: string): boolean {
  return (method === 'GET' || method === 'HEAD') && SIGNED_FILE.test(url);
}
