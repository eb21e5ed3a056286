import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import { AccessSettings } from '../config/settings.js';
import { ForeignOriginError, UnauthorizedError } from './access-errors.js';
import { SecretText } from './secret-text.js';

/** Open to everyone: the probes, and the pages that describe the API and hold no secret. */
const OPEN_PATH = /^\/(livez|readyz|health|openapi\.json|docs)(\/|$)/;
const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

/** Decides for each request, from memory alone, whether it is authorised. */
@Injectable()
export class AdmissionCheck {
  private readonly adminKey: SecretText | null;

  constructor(private readonly settings: AccessSettings) {
    this.adminKey = settings.adminApiKey === null ? null : new SecretText(settings.adminApiKey);
  }

  /** @throws UnauthorizedError, ForeignOriginError */
  check(method: string, url: string, headers: IncomingHttpHeaders): void {
    if (this.settings.protectedMode) return this.checkOrigin(headers);
    const { adminKey } = this;
    if (adminKey === null) return;
    const query = url.indexOf('?');
    const path = query === -1 ? url : url.slice(0, query);
    if (OPEN_PATH.test(path)) return;
    if (path === '/metrics' && this.settings.metricsOpen) return;
    const bearer = bearerOf(headers);
    if (bearer !== undefined && adminKey.is(bearer)) return;
    const keys = keysOf(headers);
    if (keys.some((key) => adminKey.is(key))) return;
    // Its signature is the key; the route checks it.
    if (isSignedLink(method, url)) return;
    throw new UnauthorizedError(bearer !== undefined || keys.length > 0);
  }

  /** For paths that need no key. @throws ForeignOriginError in protected mode */
  checkHost(headers: IncomingHttpHeaders): void {
    if (this.settings.protectedMode) this.checkOrigin(headers);
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
 * Where clients put their key besides `Authorization`: Anthropic's, Azure's and Google's.
 * https://learn.microsoft.com/azure/ai-foundry/openai/reference#authentication, https://ai.google.dev/gemini-api/docs/api-key
 */
const KEY_HEADERS = ['x-api-key', 'api-key', 'x-goog-api-key'] as const;

/** One of them is enough, beside a bearer too: SDKs send a placeholder in one header and the key in another. */
function keysOf(headers: IncomingHttpHeaders): readonly string[] {
  return KEY_HEADERS.map((name) => headers[name]).filter((key) => typeof key === 'string');
}

function bearerOf({ authorization }: IncomingHttpHeaders): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}

const SIGNED_FILE = /^\/api\/v1\/jobs\/[0-9a-f-]{36}\/files\/\d{1,6}\?(?:[^#]*&)?signature=[\w-]/i;

/**
 * Whether a request comes by a signed link to a file, which needs no key. The signature is not checked here: the route
 * that serves files calls this function, too, and checks it.
 */
export function isSignedLink(method: string, url: string): boolean {
  return (method === 'GET' || method === 'HEAD') && SIGNED_FILE.test(url);
}
