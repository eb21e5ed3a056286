import type { IncomingHttpHeaders } from 'node:http';
import { CrossSiteError } from '../access-errors.js';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether a request may change something where the browser adds what proves its user (a cookie of ours, or of a proxy in
 * front): a page of another site could send it, too. Clients without `Sec-Fetch-Site` and `Origin` are no browsers.
 * https://pkg.go.dev/net/http#CrossOriginProtection
 * @throws CrossSiteError
 */
export function checkSameOrigin(method: string, headers: IncomingHttpHeaders): void {
  if (!SAFE.has(method) && !isSameOrigin(headers)) throw new CrossSiteError();
}

export function isSameOrigin({ host, origin, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean {
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  if (origin === undefined) return true;
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
