import { BlockList, isIP } from 'net';
import type { ConfigurationFault } from './configuration-error.js';
import type { Values } from './variables.js';

/** Values that are each acceptable and do not go together. */
interface Rule {
  /** The variables it speaks of; the first is the one that is named. */
  readonly of: readonly [keyof Values, ...(keyof Values)[]];
  readonly problem: (values: Values) => string | null;
}

const RULES: readonly Rule[] = [
  {
    of: ['HOST', 'ADMIN_API_KEY', 'AUTH'],
    problem: (v) =>
      v.AUTH === 'on' && isProtected(v) && !isLoopback(listeningHost(v))
        ? `"${v.HOST}" is reachable from other machines, and no ADMIN_API_KEY is set: set one, or say AUTH=off if everyone who can reach it may use and change it`
        : null,
  },
  {
    of: ['DATABASE_URL', 'DATABASE', 'HOST', 'ADMIN_API_KEY', 'AUTH'],
    problem: (v) =>
      v.DATABASE_URL === null && v.DATABASE !== 'embedded' && !isLoopback(listeningHost(v))
        ? 'is not set, and this service listens beyond loopback, where each copy would silently keep a registry of its own: set it, or say DATABASE=embedded if this is the only copy'
        : null,
  },
  {
    of: ['DATABASE', 'DATABASE_URL'],
    problem: (v) =>
      v.DATABASE === 'embedded' && v.DATABASE_URL !== null
        ? '"embedded" contradicts DATABASE_URL: leave one of them out'
        : null,
  },
  {
    of: ['DATABASE_DIRECT_URL', 'DATABASE_URL'],
    problem: (v) =>
      v.DATABASE_DIRECT_URL !== null && v.DATABASE_URL === null
        ? 'makes sense only together with DATABASE_URL'
        : null,
  },
  {
    of: ['AUTH', 'ADMIN_API_KEY'],
    problem: (v) =>
      v.AUTH === 'off' && v.ADMIN_API_KEY !== null
        ? '"off" contradicts ADMIN_API_KEY: leave one of them out'
        : null,
  },
];

/**
 * @param faulty variables that could not be read: what their defaults would contradict is nobody's mistake
 */
export function contradictions(values: Values, faulty: ReadonlySet<string>): readonly ConfigurationFault[] {
  return RULES.flatMap(({ of, problem }) => {
    const found = of.some((name) => faulty.has(name)) ? null : problem(values);
    return found === null ? [] : [{ variable: of[0], problem: found }];
  });
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');
type Access = Pick<Values, 'HOST' | 'ADMIN_API_KEY' | 'AUTH'>;

/** No key is set and nobody said that none is needed: for the people of one machine. */
export function isProtected({ ADMIN_API_KEY, AUTH }: Access): boolean {
  return ADMIN_API_KEY === null && AUTH !== 'off';
}

export function listeningHost(access: Access): string {
  return access.HOST ?? (isProtected(access) ? '127.0.0.1' : '0.0.0.0');
}

/** `localhost` and addresses; of any other name nobody knows where it leads (127.0.0.1.example.com). */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
