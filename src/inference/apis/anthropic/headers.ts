import type { IncomingHttpHeaders } from 'node:http';

type Headers = Readonly<Record<string, string>>;

const VERSION = 'anthropic-version';
const BETA = 'anthropic-beta';
/** Visible ASCII: a date, or a list of names. */
const PLAIN = /^[\x21-\x7e][\x20-\x7e]*$/;

/**
 * The client's headers that say how its body must be read. Headers that name an account (`anthropic-workspace-id`,
 * `anthropic-user-profile-id`) belong to the key, and the worker sets them.
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
 * The worker's headers with those of the client. The client's version wins, because its body passes through unchanged;
 * the worker's is the default. Betas of both are joined: the operator wants theirs on for all clients.
 */
export function withClientHeaders(workers: Headers, client: Headers): Headers {
  if (Object.keys(client).length === 0) return workers;
  const both: Record<string, string> = {};
  const left = new Map(Object.entries(client));
  for (const [name, value] of Object.entries(workers)) {
    const lower = name.toLowerCase();
    const sent = left.get(lower);
    left.delete(lower);
    both[name] = sent === undefined ? value : lower === BETA ? joined(value, sent) : sent;
  }
  return { ...both, ...Object.fromEntries(left) };
}

/** Each beta once, separated by commas. https://platform.claude.com/docs/en/api/beta-headers */
function joined(...lists: readonly string[]): string {
  const names = lists.flatMap((list) => list.split(',')).map((name) => name.trim());
  return [...new Set(names)].filter((name) => name !== '').join(',');
}
