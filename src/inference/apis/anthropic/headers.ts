import type { IncomingHttpHeaders } from 'node:http';

type Headers = Readonly<Record<string, string>>;

const VERSION = 'anthropic-version';
const BETA = 'anthropic-beta';
/** What such a header may hold; more would be no date, and no list of names. */
const PLAIN = /^[\x21-\x7e][\x20-\x7e]*$/;

/**
 * What of a caller's headers says how his body is to be read, and what he can read. Whose account is asked
 * (`anthropic-workspace-id`, `anthropic-user-profile-id`) goes with the key, and is the worker's to say.
 */
export function apiHeadersOf(headers: IncomingHttpHeaders): Headers {
  const ofApi: Record<string, string> = {};
  for (const name of [VERSION, BETA]) {
    const value = headers[name];
    if (typeof value === 'string' && PLAIN.test(value)) ofApi[name] = value;
  }
  return ofApi;
}

/**
 * A worker's headers with the caller's. His version stands: his body is passed on as it is, and his client was written for
 * that version's answers; the worker's is for those who name none. Betas of both are on: the operator's were switched on
 * for everybody, the caller's are what his body may need.
 */
export function withClientHeaders(workers: Headers, callers: Headers): Headers {
  if (Object.keys(callers).length === 0) return workers;
  const both: Record<string, string> = {};
  const left = new Map(Object.entries(callers));
  for (const [name, value] of Object.entries(workers)) {
    const lower = name.toLowerCase();
    const his = left.get(lower);
    left.delete(lower);
    both[name] = his === undefined ? value : lower === BETA ? joined(value, his) : his;
  }
  return { ...both, ...Object.fromEntries(left) };
}

/** Each beta once, names apart by commas. https://platform.claude.com/docs/en/api/beta-headers */
function joined(...lists: readonly string[]): string {
  const names = lists.flatMap((list) => list.split(',')).map((name) => name.trim());
  return [...new Set(names)].filter((name) => name !== '').join(',');
}
