import { BlockList, isIP } from 'net';
import type { ConfigurationFault } from './configuration-error.js';
import type { Values } from './variables.js';

/** Values that are valid each but contradict each other. */
interface Rule {
  /** The variables involved; the message names the first. */
  readonly of: readonly [keyof Values, ...(keyof Values)[]];
  readonly problem: (values: Values) => string | null;
}

/** Without a key, every client is root and signing in means nothing; without roles, no user may do anything. */
const SIGN_IN = ['ADMIN_API_KEY', 'AUTH_ROLES'] as const;

/** `null`: all are set. */
function missing(
  values: Values,
  ...needed: readonly (keyof Values | readonly (keyof Values)[])[]
): string | null {
  const unset = needed.flat().filter((name) => {
    const value = values[name];
    return value === null || (Array.isArray(value) && value.length === 0);
  });
  return unset.length === 0 ? null : `requires ${unset.join(' and ')}`;
}

const RULES: readonly Rule[] = [
  {
    of: ['HOST', 'ADMIN_API_KEY', 'AUTH'],
    problem: (v) =>
      v.AUTH === 'on' && isProtected(v) && !isLoopback(listeningHost(v))
        ? `"${v.HOST}" is reachable from other machines, and no ADMIN_API_KEY is set: set one, or set AUTH=off to let every client that can reach it use and change it`
        : null,
  },
  {
    of: ['DATABASE_URL', 'DATABASE', 'HOST', 'ADMIN_API_KEY', 'AUTH'],
    problem: (v) =>
      v.DATABASE_URL === null && v.DATABASE !== 'embedded' && !isLoopback(listeningHost(v))
        ? 'is not set, and this service listens beyond loopback, where each copy would silently keep a registry of its own: set it, or set DATABASE=embedded if this is the only copy'
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
      v.DATABASE_DIRECT_URL !== null && v.DATABASE_URL === null ? 'requires DATABASE_URL' : null,
  },
  {
    of: ['PROCESSES', 'DATABASE_URL'],
    problem: (v) =>
      v.PROCESSES > 1 && v.DATABASE_URL === null
        ? `"${v.PROCESSES}" requires DATABASE_URL: each process is a replica, and all need the same PostgreSQL`
        : null,
  },
  {
    of: ['METRICS_PORT', 'PORT'],
    problem: (v) => samePort(v.METRICS_PORT, { PORT: v.PORT }),
  },
  {
    of: ['ADMIN_PORT', 'PORT', 'METRICS_PORT'],
    problem: (v) => samePort(v.ADMIN_PORT, { PORT: v.PORT, METRICS_PORT: v.METRICS_PORT }),
  },
  {
    of: ['CORS_ORIGINS', 'ADMIN_API_KEY', 'AUTH'],
    problem: (v) =>
      v.CORS_ORIGINS.includes('*') && isProtected(v)
        ? '"*" would let every web page that this machine opens use and change a service without a key: list the origins, or set ADMIN_API_KEY'
        : null,
  },
  {
    of: ['AUTH_PROXY_HEADER', 'ADMIN_API_KEY', 'AUTH_PROXY_CIDRS', 'AUTH_ROLES'],
    problem: (v) => (v.AUTH_PROXY_HEADER === null ? null : missing(v, SIGN_IN, 'AUTH_PROXY_CIDRS')),
  },
  {
    of: ['AUTH_PROXY_CIDRS', 'AUTH_PROXY_HEADER'],
    problem: (v) =>
      v.AUTH_PROXY_HEADER === null && v.AUTH_PROXY_CIDRS.length > 0 ? 'requires AUTH_PROXY_HEADER' : null,
  },
  {
    of: ['AUTH_PROXY_GROUPS_HEADER', 'AUTH_PROXY_HEADER'],
    problem: (v) => {
      if (v.AUTH_PROXY_GROUPS_HEADER === null) return null;
      if (v.AUTH_PROXY_HEADER === null) return 'requires AUTH_PROXY_HEADER';
      const isSame = v.AUTH_PROXY_GROUPS_HEADER.toLowerCase() === v.AUTH_PROXY_HEADER.toLowerCase();
      return isSame ? 'is the same header as AUTH_PROXY_HEADER: name another' : null;
    },
  },
  {
    of: ['AUTH_JWT_ISSUER', 'ADMIN_API_KEY', 'AUTH_JWT_AUDIENCE', 'AUTH_ROLES'],
    problem: (v) => (v.AUTH_JWT_ISSUER === null ? null : missing(v, SIGN_IN, 'AUTH_JWT_AUDIENCE')),
  },
  {
    of: ['AUTH_JWT_AUDIENCE', 'AUTH_JWT_ISSUER'],
    problem: (v) =>
      v.AUTH_JWT_ISSUER === null && v.AUTH_JWT_AUDIENCE.length > 0 ? 'requires AUTH_JWT_ISSUER' : null,
  },
  {
    of: [
      'AUTH_OIDC_ISSUER',
      'ADMIN_API_KEY',
      'AUTH_ROLES',
      'AUTH_OIDC_CLIENT_ID',
      'AUTH_OIDC_REDIRECT_URL',
      'CREDENTIALS_KEYS',
      'DATABASE_URL',
    ],
    problem: (v) => {
      if (v.AUTH_OIDC_ISSUER === null) return null;
      // With an embedded database the key is made.
      const sealing = v.DATABASE_URL === null ? [] : (['CREDENTIALS_KEYS'] as const);
      return missing(v, SIGN_IN, 'AUTH_OIDC_CLIENT_ID', 'AUTH_OIDC_REDIRECT_URL', sealing);
    },
  },
  {
    of: ['AUTH_OIDC_CLIENT_ID', 'AUTH_OIDC_ISSUER'],
    problem: (v) =>
      v.AUTH_OIDC_ISSUER === null && v.AUTH_OIDC_CLIENT_ID !== null ? 'requires AUTH_OIDC_ISSUER' : null,
  },
  {
    of: ['AUTH', 'ADMIN_API_KEY'],
    problem: (v) =>
      v.AUTH === 'off' && v.ADMIN_API_KEY !== null
        ? '"off" contradicts ADMIN_API_KEY: leave one of them out'
        : null,
  },
];

/** 0 is any free port. */
function samePort(port: number | null, others: Readonly<Record<string, number | null>>): string | null {
  const [name] =
    Object.entries(others).find(([, other]) => port !== null && port !== 0 && other === port) ?? [];
  return name === undefined ? null : `${port} is ${name}: choose another port`;
}

/**
 * @param faulty variables that could not be read; rules that involve them are skipped
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

/** Protected mode: no key is set and AUTH does not allow that, so only this machine has access. */
export function isProtected({ ADMIN_API_KEY, AUTH }: Access): boolean {
  return ADMIN_API_KEY === null && AUTH !== 'off';
}

export function listeningHost(access: Access): string {
  return access.HOST ?? (isProtected(access) ? '127.0.0.1' : '0.0.0.0');
}

/** `localhost` and addresses only: any other name may resolve to any address (127.0.0.1.example.com). */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
