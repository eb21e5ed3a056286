import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigurationError, type ConfigurationFault } from './configuration-error.js';
import type { Settings } from './settings.js';
import type { Variable } from './variable.js';
import { VARIABLES } from './variables.js';

type Environment = Readonly<Record<string, string | undefined>>;
type Values = { readonly [K in keyof typeof VARIABLES]: (typeof VARIABLES)[K]['fallback'] };

const LOOPBACK = '127.0.0.1';
const SECRET_PREFIX = 'WORKER_SECRET_';

/**
 * The environment of this process, over a `.env` file in the working folder. The only place that reads either.
 * @throws ConfigurationError with every fault
 */
export function readProcessEnvironment(): Settings {
  const file = resolve('.env');
  const fromFile = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
  return readEnvironment({ ...fromFile, ...process.env }, process.stdout.isTTY);
}

/** @throws ConfigurationError with every fault */
export function readEnvironment(environment: Environment, terminal = false): Settings {
  const faults: ConfigurationFault[] = [];
  const values = readVariables(environment, faults);
  faults.push(...contradictions(values));
  if (faults.length > 0) throw new ConfigurationError(faults);
  return toSettings(values, workerSecrets(environment), terminal);
}

function readVariables(environment: Environment, faults: ConfigurationFault[]): Values {
  const read = ([name, variable]: [string, Variable<unknown>]): [string, unknown] => {
    const given = environment[name]?.trim();
    // An empty variable is an unset one: compose files and manifests often pass it so.
    if (given === undefined || given === '') return [name, variable.fallback];
    const value = variable.read(given);
    if (value === undefined) {
      const shown = variable.secret ? 'what was given' : JSON.stringify(given);
      faults.push({ variable: name, problem: `${shown} is not ${variable.accepts}` });
      return [name, variable.fallback];
    }
    return [name, value];
  };
  return Object.fromEntries(Object.entries<Variable<unknown>>(VARIABLES).map(read)) as unknown as Values;
}

function contradictions(values: Values): ConfigurationFault[] {
  const faults: ConfigurationFault[] = [];
  const beyondLoopback = values.HOST !== null && !isLoopback(values.HOST);
  const keyless = values.ADMIN_API_KEY === null && values.AUTH === 'on';
  if (beyondLoopback && keyless) {
    faults.push({
      variable: 'HOST',
      problem: `"${values.HOST}" is reachable from other machines, and no ADMIN_API_KEY is set: set one, or say AUTH=off if everyone who can reach it may use and change it`,
    });
  }
  const open = beyondLoopback || (values.HOST === null && !keyless);
  if (open && values.DATABASE_URL === null && values.DATABASE !== 'embedded') {
    faults.push({
      variable: 'DATABASE_URL',
      problem:
        'is not set, and this service listens beyond loopback, where each copy would silently keep a registry of its own: set it, or say DATABASE=embedded if this is the only copy',
    });
  }
  if (values.DATABASE_URL !== null && values.DATABASE === 'embedded') {
    faults.push({
      variable: 'DATABASE',
      problem: '"embedded" contradicts DATABASE_URL: leave one of them out',
    });
  }
  if (values.AUTH === 'off' && values.ADMIN_API_KEY !== null) {
    faults.push({ variable: 'AUTH', problem: '"off" contradicts ADMIN_API_KEY: leave one of them out' });
  }
  if (values.DATABASE_URL === null && values.DATABASE_DIRECT_URL !== null) {
    faults.push({ variable: 'DATABASE_DIRECT_URL', problem: 'makes sense only together with DATABASE_URL' });
  }
  if (values.BALANCING_EJECTION_MAX_MS < values.BALANCING_EJECTION_BASE_MS) {
    faults.push({
      variable: 'BALANCING_EJECTION_MAX_MS',
      problem: `${values.BALANCING_EJECTION_MAX_MS} is less than BALANCING_EJECTION_BASE_MS (${values.BALANCING_EJECTION_BASE_MS})`,
    });
  }
  if (values.HEALTH_LEASE_MS <= values.HEALTH_TIMEOUT_MS) {
    faults.push({
      variable: 'HEALTH_LEASE_MS',
      problem: `${values.HEALTH_LEASE_MS} must be more than HEALTH_TIMEOUT_MS (${values.HEALTH_TIMEOUT_MS}), or two replicas probe the same worker at once`,
    });
  }
  return faults;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function workerSecrets(environment: Environment): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(environment).flatMap(([name, value]) =>
      name.startsWith(SECRET_PREFIX) && value !== undefined
        ? [[name.slice(SECRET_PREFIX.length), value]]
        : [],
    ),
  );
}

function toSettings(v: Values, secrets: ReadonlyMap<string, string>, terminal: boolean): Settings {
  const protectedMode = v.ADMIN_API_KEY === null && v.AUTH === 'on';
  const dataDir = resolve(v.DATA_DIR);
  return {
    server: {
      host: v.HOST ?? (protectedMode ? LOOPBACK : '0.0.0.0'),
      port: v.PORT,
      maxBodyBytes: v.MAX_BODY_BYTES,
      shutdownDelayMs: v.SHUTDOWN_DELAY_MS,
      drainTimeoutMs: v.DRAIN_TIMEOUT_MS,
    },
    log: {
      level: v.LOG_LEVEL,
      format: v.LOG_FORMAT === 'auto' ? (terminal ? 'pretty' : 'json') : v.LOG_FORMAT,
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
      adminApiKey: v.ADMIN_API_KEY,
      protectedMode,
      metricsOpen: v.METRICS_AUTH === 'off',
    },
    credentials: {
      keys: v.CREDENTIALS_KEYS,
      keysDir: join(dataDir, 'keys'),
      makeKey: v.DATABASE_URL === null,
      secretsDir: v.SECRETS_DIR,
      workerSecrets: secrets,
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
      defaultModel: v.DEFAULT_MODEL,
    },
    health: {
      intervalMs: v.HEALTH_INTERVAL_MS,
      publicIntervalMs: v.HEALTH_PUBLIC_INTERVAL_MS,
      unsureIntervalMs: v.HEALTH_UNSURE_INTERVAL_MS,
      downIntervalMs: v.HEALTH_DOWN_INTERVAL_MS,
      jitter: v.HEALTH_JITTER,
      timeoutMs: v.HEALTH_TIMEOUT_MS,
      failuresDown: v.HEALTH_FAILURES_DOWN,
      successesUp: v.HEALTH_SUCCESSES_UP,
      tickMs: v.HEALTH_TICK_MS,
      leaseMs: v.HEALTH_LEASE_MS,
      concurrency: v.HEALTH_CONCURRENCY,
      hintIntervalMs: v.HEALTH_HINT_INTERVAL_MS,
    },
    balancing: {
      strategy: v.BALANCING_STRATEGY,
      ejectConnectErrors: v.BALANCING_EJECT_CONNECT_ERRORS,
      ejectionBaseMs: v.BALANCING_EJECTION_BASE_MS,
      ejectionMaxMs: v.BALANCING_EJECTION_MAX_MS,
    },
    registry: {
      resyncMs: v.REGISTRY_RESYNC_MS,
      offlineRetentionDays: v.OFFLINE_RETENTION_DAYS,
      eventRetentionDays: v.EVENT_RETENTION_DAYS,
    },
  };
}
