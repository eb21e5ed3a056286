const TARGETS = ['any', 'read-write', 'primary'] as const;

/** What a URL leads to: its hosts, each as a URL of its own, in the order in which they are tried. */
export interface PostgresServers {
  readonly urls: readonly [string, ...string[]];
  /** Which server is wanted, as in libpq: any, one that accepts writes, or one that is no standby. */
  readonly target: (typeof TARGETS)[number];
}

const PARTS = /^(?<scheme>postgres(?:ql)?:\/\/)(?<authority>[^/?#]*)(?<rest>.*)$/s;

/**
 * Reads `postgres://user:password@h1:5432,h2/db?target_session_attrs=read-write`, which `pg` does not understand.
 * @returns `null`: it is no such URL
 */
export function readPostgresUrl(given: string): PostgresServers | null {
  const { scheme = '', authority = '', rest = '' } = PARTS.exec(given)?.groups ?? {};
  if (scheme === '' || authority + rest === '') return null;
  const target = TARGETS.find((known) => known === (queryValue(rest, 'target_session_attrs') ?? 'any'));
  const hostsAt = authority.lastIndexOf('@') + 1;
  const login = authority.slice(0, hostsAt);
  const [first = '', ...others] = authority.slice(hostsAt).split(',');
  if (target === undefined || (others.length > 0 && [first, ...others].includes(''))) return null;
  const urlOf = (host: string): string => scheme + login + host + verified(rest);
  const urls = [urlOf(first), ...others.map(urlOf)] as const;
  return urls.every((url) => URL.canParse(url)) ? { urls, target } : null;
}

/**
 * `pg` 8 takes these modes for `verify-full` and prints six lines about it. This says the same without the lines, and keeps
 * its meaning in `pg` 9. `uselibpqcompat=true` requests libpq's weaker modes.
 */
function verified(rest: string): string {
  if (queryValue(rest, 'uselibpqcompat') === 'true') return rest;
  return rest.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, '$1verify-full');
}

function queryValue(rest: string, name: string): string | null {
  return new URLSearchParams(rest.split('?').slice(1).join('?')).get(name);
}
