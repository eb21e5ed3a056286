import { hash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigurationError, type ConfigurationFault } from './configuration-error.js';
import { contradictions, isProtected, listeningHost } from './contradictions.js';
import type { OidcSettings, ProxySettings, Settings } from './settings.js';
import type { Variable } from './variable.js';
import { TUNING, type Tuning } from './tuning.js';
import { type Values, REMOVED_VARIABLES, VARIABLES } from './variables.js';

type Environment = Readonly<Record<string, string | undefined>>;

const SECRET_PREFIX = 'WORKER_SECRET_';
/** WORKER_SECRET_NAME_ORIGINS: where alone the secret NAME may be sent, whether it is in a variable or a file. */
const ORIGINS_SUFFIX = '_ORIGINS';
/** How much of a value a message shows. */
const SHOWN_CHARACTERS = 80;

/**
 * The environment of this process, over a `.env` file in the working folder. The only place that reads either.
 * A variable that is there but empty hides the file's, so that `PORT= npm start` takes the default.
 * @param terminal whether a person reads the output: `LOG_FORMAT=auto` is text then
 * @throws ConfigurationError with every fault
 */
export function readProcessEnvironment(tuning = TUNING, terminal = process.stdout.isTTY): Settings {
  return readEnvironment({ ...readEnvFile(resolve('.env')), ...process.env }, terminal, tuning);
}

function readEnvFile(file: string): Environment {
  if (!existsSync(file)) return {};
  try {
    return parseEnv(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ConfigurationError([{ variable: file, problem: `cannot be read (${String(error)})` }]);
  }
}

/** @throws ConfigurationError with every fault */
export function readEnvironment(environment: Environment, terminal = false, tuning = TUNING): Settings {
  const faults: ConfigurationFault[] = [];
  const values = readVariables(environment, faults);
  const origins = secretOrigins(environment, faults);
  faults.push(...contradictions(values, new Set(faults.map((fault) => fault.variable))));
  if (faults.length > 0) throw new ConfigurationError(faults, logFormat(values, terminal));
  return {
    ...toSettings(
      values,
      { workerSecrets: workerSecrets(environment), secretOrigins: origins },
      terminal,
      tuning,
    ),
    ignoredVariables: REMOVED_VARIABLES.filter((name) => (environment[name] ?? '').trim() !== ''),
  };
}

function readVariables(environment: Environment, faults: ConfigurationFault[]): Values {
  const read = ([name, variable]: [string, Variable<unknown>]): [string, unknown] => {
    const given = environment[name]?.trim();
    // An empty variable is an unset one: compose files and manifests often pass it so.
    if (given === undefined || given === '') return [name, variable.fallback];
    const value = variable.read(given);
    if (value === undefined) {
      const shown = variable.secret ? 'what was given' : quote(given);
      faults.push({ variable: name, problem: `${shown} is not ${variable.accepts}` });
      return [name, variable.fallback];
    }
    return [name, value];
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every name comes with its own variable's value
  return Object.fromEntries(Object.entries<Variable<unknown>>(VARIABLES).map(read)) as unknown as Values;
}

function logFormat({ LOG_FORMAT }: Values, terminal: boolean): 'json' | 'pretty' {
  if (LOG_FORMAT !== 'auto') return LOG_FORMAT;
  return terminal ? 'pretty' : 'json';
}

function quote(given: string): string {
  const cut = given.length > SHOWN_CHARACTERS ? '…' : '';
  return JSON.stringify(given.slice(0, SHOWN_CHARACTERS)) + cut;
}

function secretOrigins(
  environment: Environment,
  faults: ConfigurationFault[],
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const [variable, value = ''] of Object.entries(environment)) {
    if (!variable.startsWith(SECRET_PREFIX) || !variable.endsWith(ORIGINS_SUFFIX) || value.trim() === '')
      continue;
    const items = value.split(',').map((item) => item.trim());
    const wrong = items.find(
      (item) => !URL.canParse(item) || !/^https?:/.test(item) || new URL(item).origin !== item,
    );
    if (wrong !== undefined)
      faults.push({
        variable,
        problem: `${quote(wrong)} is not an origin such as https://api.openai.com; several are separated by commas`,
      });
    found.set(variable.slice(SECRET_PREFIX.length, -ORIGINS_SUFFIX.length), items);
  }
  return found;
}

function workerSecrets(environment: Environment): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(environment).flatMap(([name, value]) =>
      name.startsWith(SECRET_PREFIX) && !name.endsWith(ORIGINS_SUFFIX) && value !== undefined && value !== ''
        ? [[name.slice(SECRET_PREFIX.length), value]]
        : [],
    ),
  );
}

function toSettings(
  v: Values,
  secrets: Pick<Settings['credentials'], 'workerSecrets' | 'secretOrigins'>,
  terminal: boolean,
  tuning: Tuning,
): Omit<Settings, 'ignoredVariables'> {
  const dataDir = resolve(v.DATA_DIR);
  return {
    server: {
      host: listeningHost(v),
      port: v.PORT,
      processes: v.PROCESSES,
      metricsPort: v.METRICS_PORT,
      adminPort: v.ADMIN_PORT,
      maxBodyBytes: v.MAX_BODY_BYTES,
      shutdownDelayMs: v.SHUTDOWN_DELAY_MS,
      drainTimeoutMs: v.DRAIN_TIMEOUT_MS,
    },
    log: {
      level: v.LOG_LEVEL,
      format: logFormat(v, terminal),
      isFormatChosen: v.LOG_FORMAT !== 'auto',
    },
    database: {
      url: v.DATABASE_URL,
      directUrl: v.DATABASE_DIRECT_URL ?? v.DATABASE_URL,
      schema: v.DATABASE_SCHEMA,
      poolSize: v.DATABASE_POOL_SIZE,
      migrateOnStart: v.MIGRATE_ON_START,
      dataDir,
    },
    access: {
      adminKeyHash: v.ADMIN_API_KEY === null ? null : hash('sha256', v.ADMIN_API_KEY, 'base64'),
      protectedMode: isProtected(v),
      metricsOpen: v.METRICS_AUTH === 'off',
      corsOrigins: v.CORS_ORIGINS,
      roleRules: v.AUTH_ROLES,
      proxy: proxySettings(v),
      oidc: oidcSettings(v),
      tokens:
        v.AUTH_JWT_ISSUER === null
          ? null
          : { ...tuning.tokens, issuer: v.AUTH_JWT_ISSUER, audiences: v.AUTH_JWT_AUDIENCE },
    },
    credentials: {
      keys: v.CREDENTIALS_KEYS,
      keysDir: join(dataDir, 'keys'),
      makeKey: v.DATABASE_URL === null,
      secretsDir: v.SECRETS_DIR,
      ...secrets,
    },
    upstream: {
      allowCidrs: v.UPSTREAM_ALLOW_CIDRS,
      denyCidrs: v.UPSTREAM_DENY_CIDRS,
      allowLoopback: v.ADMIN_API_KEY === null,
      maxResponseBytes: v.MAX_RESPONSE_BYTES,
    },
    inference: {
      requestTimeoutMs: v.REQUEST_TIMEOUT_MS,
      connectTimeoutMs: v.CONNECT_TIMEOUT_MS,
      firstByteTimeoutMs: v.FIRST_BYTE_TIMEOUT_MS,
      idleTimeoutMs: v.IDLE_TIMEOUT_MS,
      streamHeartbeatMs: tuning.streams.heartbeatMs,
      defaultModel: v.DEFAULT_MODEL,
    },
    health: {
      ...tuning.health,
      intervalMs: v.HEALTH_INTERVAL_MS,
      timeoutMs: v.HEALTH_TIMEOUT_MS,
      failuresDown: v.HEALTH_FAILURES_DOWN,
      successesUp: v.HEALTH_SUCCESSES_UP,
      // A probe must end while its lease is held, or two replicas probe one worker.
      leaseMs: Math.max(tuning.health.leaseMs, 2 * v.HEALTH_TIMEOUT_MS),
    },
    balancing: {
      strategy: v.BALANCING_STRATEGY,
      stats: tuning.stats,
      admission: {
        ...tuning.admission,
        maxWaitMs: v.BALANCING_QUEUE_WAIT_MS,
        holdMs: v.SCHEDULING_HOLD_S * 1000,
      },
      retry: { ...tuning.retry, most: v.BALANCING_RETRIES },
    },
    replicas: { ...tuning.replicas, drainTimeoutMs: v.DRAIN_TIMEOUT_MS },
    waking: tuning.waking,
    registry: {
      ...tuning.registry,
      offlineRetentionDays: v.OFFLINE_RETENTION_DAYS,
      eventRetentionDays: v.EVENT_RETENTION_DAYS,
    },
    jobs: { ...tuning.jobs, retentionMs: v.JOB_RETENTION_HOURS * 3_600_000 },
    webhooks: { ...tuning.webhooks, secret: v.WEBHOOK_SECRET },
  };
}

function proxySettings(v: Values): ProxySettings | null {
  if (v.AUTH_PROXY_HEADER === null) return null;
  return {
    userHeader: v.AUTH_PROXY_HEADER.toLowerCase(),
    groupsHeader: v.AUTH_PROXY_GROUPS_HEADER?.toLowerCase() ?? null,
    cidrs: v.AUTH_PROXY_CIDRS,
  };
}

function oidcSettings(v: Values): OidcSettings | null {
  const { AUTH_OIDC_ISSUER: issuer, AUTH_OIDC_CLIENT_ID: clientId, AUTH_OIDC_REDIRECT_URL: redirectUrl } = v;
  if (issuer === null || clientId === null || redirectUrl === null) return null;
  return { issuer, clientId, clientSecret: v.AUTH_OIDC_CLIENT_SECRET, redirectUrl };
}
