import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { STRATEGIES } from './balancing-settings.js';
import { DEFAULT_HOLD_S, DEFAULT_QUEUE_WAIT_MS, DEFAULT_RETRIES } from './tuning.js';
import { readPostgresUrl } from './postgres-url.js';
import { webhookKey } from './job-settings.js';
import { flag, integer, list, oneOf, optional, optionalInteger, secret, text } from './variable.js';

const HOUR_MS = 3_600_000;
/** The longest delay a Node.js timer can hold (2^31 - 1 ms). */
const LONGEST_TIMER_MS = 2_147_483_647;
const MIB = 1024 * 1024;

const ROLE_RULE_WORDS =
  'group=role or user:name=role, separated by commas; a role is admin, operator, registrar, inference or viewer';

const POSTGRES_URL =
  'a postgres:// URL; several hosts are separated by commas, and target_session_attrs is any, read-write or primary';
const isPostgresUrl = (given: string): boolean => readPostgresUrl(given) !== null;

const isCredentialsKeys = (given: string): boolean => {
  const keys = given.split(',').map((entry) => entry.trim());
  const ids = new Set(keys.map((key) => key.split(':', 1).join()));
  return (
    ids.size === keys.length && keys.every((key) => /^[A-Za-z0-9_-]{1,32}:[A-Za-z0-9+/]{43}=$/.test(key))
  );
};

/**
 * Every variable the service reads, with its default and range. `.env.example` says what each is for,
 * and a test compares the two.
 */
export const VARIABLES = {
  PORT: integer(8007, 0, 65_535),
  PROCESSES: integer(1, 1, 64),
  HOST: optional('an address or host name to listen on', (given) => /^[A-Za-z0-9.:_-]+$/.test(given)),

  DATABASE: oneOf('auto', 'auto', 'embedded'),
  DATABASE_URL: secret(optional(POSTGRES_URL, isPostgresUrl)),
  DATABASE_DIRECT_URL: secret(optional(POSTGRES_URL, isPostgresUrl)),
  DATABASE_SCHEMA: text('a schema name of lower-case letters, digits and _', 'public', (given) =>
    /^[a-z_][a-z0-9_]{0,62}$/.test(given),
  ),
  DATABASE_POOL_SIZE: integer(10, 2, 500),
  MIGRATE_ON_START: flag(true),
  DATA_DIR: text('a folder', './data', (given) => !given.includes('\0')),

  ADMIN_API_KEY: secret(
    optional('at least 16 printable characters without spaces', (given) => /^[\x21-\x7e]{16,}$/.test(given)),
  ),
  AUTH: oneOf('on', 'on', 'local', 'off'),
  AUTH_ROLES: list(ROLE_RULE_WORDS, isRoleRule),
  AUTH_PROXY_HEADER: optional('the name of a header', isHeaderName),
  AUTH_PROXY_GROUPS_HEADER: optional('the name of a header', isHeaderName),
  AUTH_PROXY_CIDRS: list('addresses or CIDR ranges, separated by commas', isCidr),
  AUTH_JWT_ISSUER: optional('an https:// URL without a query, or http:// on loopback', isIssuer),
  AUTH_JWT_AUDIENCE: list('audiences, separated by commas', () => true),
  AUTH_OIDC_ISSUER: optional('an https:// URL without a query, or http:// on loopback', isIssuer),
  AUTH_OIDC_CLIENT_ID: optional('the id of a client', (given) => given.length <= 256),
  AUTH_OIDC_CLIENT_SECRET: secret(optional('printable characters', (given) => /^[\x21-\x7e]+$/.test(given))),
  AUTH_OIDC_REDIRECT_URL: optional('a URL that ends with /auth/callback', isCallback),
  CORS_ORIGINS: list('origins such as https://app.example, separated by commas, or *', isOrigin),
  METRICS_AUTH: oneOf('on', 'on', 'off'),
  METRICS_PORT: optionalInteger(0, 65_535),
  ADMIN_PORT: optionalInteger(0, 65_535),

  CREDENTIALS_KEYS: secret(
    optional('id:base64-of-32-bytes, separated by commas, each id once', isCredentialsKeys),
  ),
  SECRETS_DIR: optional('a folder', (given) => given !== ''),
  UPSTREAM_ALLOW_CIDRS: list('addresses or CIDR ranges, separated by commas', isCidr),
  UPSTREAM_DENY_CIDRS: list('addresses or CIDR ranges, separated by commas', isCidr),

  REQUEST_TIMEOUT_MS: integer(600_000, 100, LONGEST_TIMER_MS),
  CONNECT_TIMEOUT_MS: integer(2_000, 10, 600_000),
  FIRST_BYTE_TIMEOUT_MS: integer(300_000, 10, LONGEST_TIMER_MS),
  IDLE_TIMEOUT_MS: integer(120_000, 10, LONGEST_TIMER_MS),
  DEFAULT_MODEL: optional('the name of a model, 1 to 200 characters', (given) => given.length <= 200),
  MAX_BODY_BYTES: integer(32 * MIB, 1024, 1024 * MIB),
  MAX_RESPONSE_BYTES: integer(64 * MIB, 1024, 1024 * MIB),

  HEALTH_INTERVAL_MS: integer(5_000, 100, HOUR_MS),
  HEALTH_TIMEOUT_MS: integer(2_000, 10, 600_000),
  HEALTH_FAILURES_DOWN: integer(3, 1, 100),
  HEALTH_SUCCESSES_UP: integer(2, 1, 100),

  BALANCING_STRATEGY: oneOf('least_load', ...STRATEGIES),
  BALANCING_QUEUE_WAIT_MS: integer(DEFAULT_QUEUE_WAIT_MS, 0, HOUR_MS),
  SCHEDULING_HOLD_S: integer(DEFAULT_HOLD_S, 0, 3600),
  BALANCING_RETRIES: integer(DEFAULT_RETRIES, 0, 100),

  OFFLINE_RETENTION_DAYS: integer(30, 1, 36_500),
  EVENT_RETENTION_DAYS: integer(90, 1, 36_500),

  JOB_RETENTION_HOURS: integer(24, 1, 8_760),
  WEBHOOK_SECRET: secret(
    optional('whsec_ and 24 to 64 bytes in base64', (given) => webhookKey(given) !== null),
  ),

  SHUTDOWN_DELAY_MS: integer(0, 0, 600_000),
  DRAIN_TIMEOUT_MS: integer(600_000, 0, LONGEST_TIMER_MS),
  LOG_LEVEL: oneOf('info', 'debug', 'info', 'warn', 'error', 'silent'),
  LOG_FORMAT: oneOf('auto', 'auto', 'json', 'pretty'),
} as const;

/** Settings of earlier releases. They are constants now (`tuning.ts`); one that is still set is named in a warning. */
export const REMOVED_VARIABLES: readonly string[] = `
  STREAM_HEARTBEAT_MS HEALTH_PUBLIC_INTERVAL_MS HEALTH_UNSURE_INTERVAL_MS HEALTH_DOWN_INTERVAL_MS
  HEALTH_JITTER HEALTH_SERVED_MS HEALTH_SILENCE_MS HEALTH_BRAKE_SHARE HEALTH_TICK_MS HEALTH_LEASE_MS
  HEALTH_CONCURRENCY HEALTH_HINT_INTERVAL_MS BALANCING_EJECT_CONNECT_ERRORS BALANCING_EJECT_FAILURES
  BALANCING_EJECT_SUCCESS_SHARE BALANCING_EJECT_WINDOW_MS BALANCING_EJECT_SAMPLES BALANCING_EJECTION_BASE_MS
  BALANCING_EJECTION_MAX_MS BALANCING_TRIAL_SUCCESSES BALANCING_WARMING_MS BALANCING_BUSY_MS
  BALANCING_BUSY_MAX_MS BALANCING_ALIVE_MS BALANCING_PACE_MS BALANCING_PACE_HALF_LIFE_MS BALANCING_LATENCY_MS
  BALANCING_FAILURE_PENALTY BALANCING_CALLER_FAULT_PENALTY BALANCING_PENALTY_HALF_LIFE_MS
  BALANCING_QUEUE_PER_SLOT BALANCING_QUEUE_MAX BALANCING_RETRY_BACKOFF_MS BALANCING_RETRY_SHARE
  BALANCING_RETRY_WINDOW_MS BALANCING_RETRY_AT_LEAST REPLICA_BEAT_MS REPLICA_LIVE_MS REGISTRY_RESYNC_MS
`
  .trim()
  .split(/\s+/);

export type Values = { readonly [K in keyof typeof VARIABLES]: (typeof VARIABLES)[K]['fallback'] };

/** `*` may be alone or at the end. */
function isRoleRule(item: string): boolean {
  return /^(?:user:)?(?!user:)(?:\*|[^*]+\*?)=(?:admin|operator|registrar|inference|viewer)$/.test(item);
}

/** Not one that clients send their keys in, nor one that decides how a request is read. */
function isHeaderName(given: string): boolean {
  const taken = /^(?:authorization|x-api-key|api-key|cookie|host|connection|content-.*|transfer-encoding)$/i;
  return /^[A-Za-z0-9-]{1,100}$/.test(given) && !taken.test(given);
}

/** Over plain HTTP, a machine in between could replace the keys. */
function isIssuer(given: string): boolean {
  if (!URL.canParse(given)) return false;
  const { protocol, hostname, search, hash, username, password } = new URL(given);
  const isSafe =
    protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname));
  return isSafe && !given.includes('?') && [search, hash, username, password].join('') === '';
}

function isCallback(given: string): boolean {
  return /^https?:\/\/[^?#]+\/auth\/callback$/.test(given) && URL.canParse(given);
}

/** As browsers write it in the header Origin: no path, no slash at its end, no default port. */
function isOrigin(item: string): boolean {
  return item === '*' || (/^[a-z][a-z0-9+.-]*:\/\/[^/?#@*]+$/.test(item) && isCanonical(item));
}

function isCanonical(item: string): boolean {
  if (!URL.canParse(item)) return false;
  const { protocol, origin } = new URL(item);
  // Of schemes such as chrome-extension: a URL has no origin.
  return protocol !== 'http:' && protocol !== 'https:' ? true : origin === item;
}

/** Full addresses only: ipaddr.js reads `10/8` as 0.0.0.10/8. */
function isCidr(item: string): boolean {
  const [address = ''] = item.split('/', 1);
  return isIP(address) !== 0 && (item.includes('/') ? ipaddr.isValidCIDR(item) : ipaddr.isValid(item));
}
