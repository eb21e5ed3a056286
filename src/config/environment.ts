import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigurationError, type ConfigurationFault } from './variable.js';
import { contradictions } from './contradictions.js';
import { isProtected, listeningHost } from './listening.js';
import type { Settings } from './settings.js';
import type { Variable } from './variable.js';
import { type Values, VARIABLES } from './variables.js';

type Environment = Readonly<Record<string, string | undefined>>;

const SECRET_PREFIX = 'WORKER_SECRET_';
/** Of what was given, in a message. */
const SHOWN_CHARACTERS = 80;

/**
 * The environment of this process, over a `.env` file in the working folder. The only place that reads either.
 * A variable that is there but empty hides the file's, so that `PORT= npm start` takes the default.
 * @throws ConfigurationError with every fault
 */
export function readProcessEnvironment(): Settings {
  return readEnvironment({ ...readEnvFile(resolve('.env')), ...process.env }, process.stdout.isTTY);
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
export function readEnvironment(environment: Environment, terminal = false): Settings {
  const faults: ConfigurationFault[] = [];
  const values = readVariables(environment, faults);
  faults.push(...contradictions(values, new Set(faults.map((fault) => fault.variable))));
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
      const shown = variable.secret ? 'what was given' : quote(given);
      faults.push({ variable: name, problem: `${shown} is not ${variable.accepts}` });
      return [name, variable.fallback];
    }
    return [name, value];
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every name comes with its own variable's value
  return Object.fromEntries(Object.entries<Variable<unknown>>(VARIABLES).map(read)) as unknown as Values;
}

function quote(given: string): string {
  const cut = given.length > SHOWN_CHARACTERS ? '…' : '';
  return JSON.stringify(given.slice(0, SHOWN_CHARACTERS)) + cut;
}

function workerSecrets(environment: Environment): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(environment).flatMap(([name, value]) =>
      name.startsWith(SECRET_PREFIX) && value !== undefined && value !== ''
        ? [[name.slice(SECRET_PREFIX.length), value]]
        : [],
    ),
  );
}

function toSettings(v: Values, secrets: ReadonlyMap<string, string>, terminal: boolean): Settings {
  const dataDir = resolve(v.DATA_DIR);
  return {
    server: {
      host: listeningHost(v),
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
      protectedMode: isProtected(v),
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
      streamHeartbeatMs: v.STREAM_HEARTBEAT_MS,
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
      servedMs: v.HEALTH_SERVED_MS,
      silenceMs: v.HEALTH_SILENCE_MS,
      brakeShare: v.HEALTH_BRAKE_SHARE,
      warmingMs: v.BALANCING_WARMING_MS,
      tickMs: v.HEALTH_TICK_MS,
      leaseMs: v.HEALTH_LEASE_MS,
      concurrency: v.HEALTH_CONCURRENCY,
      hintIntervalMs: v.HEALTH_HINT_INTERVAL_MS,
    },
    balancing: {
      strategy: v.BALANCING_STRATEGY,
      standing: {
        connectErrorsInARow: v.BALANCING_EJECT_CONNECT_ERRORS,
        failuresInARow: v.BALANCING_EJECT_FAILURES,
        successShare: v.BALANCING_EJECT_SUCCESS_SHARE,
        successWindowMs: v.BALANCING_EJECT_WINDOW_MS,
        successSamples: v.BALANCING_EJECT_SAMPLES,
        ejectionBaseMs: v.BALANCING_EJECTION_BASE_MS,
        ejectionMaxMs: v.BALANCING_EJECTION_MAX_MS,
        trialSuccesses: v.BALANCING_TRIAL_SUCCESSES,
        busyMaxMs: v.BALANCING_BUSY_MAX_MS,
        busyMs: v.BALANCING_BUSY_MS,
        aliveMs: v.BALANCING_ALIVE_MS,
        paceMs: v.BALANCING_PACE_MS,
        paceHalfLifeMs: v.BALANCING_PACE_HALF_LIFE_MS,
        latencyMs: v.BALANCING_LATENCY_MS,
        failurePenalty: v.BALANCING_FAILURE_PENALTY,
        callerFaultPenalty: v.BALANCING_CALLER_FAULT_PENALTY,
        penaltyHalfLifeMs: v.BALANCING_PENALTY_HALF_LIFE_MS,
      },
      admission: {
        perSlot: v.BALANCING_QUEUE_PER_SLOT,
        mostWaiting: v.BALANCING_QUEUE_MAX,
        maxWaitMs: v.BALANCING_QUEUE_WAIT_MS,
      },
      retry: {
        share: v.BALANCING_RETRY_SHARE,
        windowMs: v.BALANCING_RETRY_WINDOW_MS,
        atLeast: v.BALANCING_RETRY_AT_LEAST,
        most: v.BALANCING_RETRIES,
        backoffMs: v.BALANCING_RETRY_BACKOFF_MS,
      },
    },
    replicas: {
      heartbeatMs: v.REPLICA_BEAT_MS,
      liveMs: v.REPLICA_LIVE_MS,
      drainTimeoutMs: v.DRAIN_TIMEOUT_MS,
    },
    registry: {
      resyncMs: v.REGISTRY_RESYNC_MS,
      offlineRetentionDays: v.OFFLINE_RETENTION_DAYS,
      eventRetentionDays: v.EVENT_RETENTION_DAYS,
    },
  };
}
