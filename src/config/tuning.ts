import type { AdmissionLimits, BalancingSettings, RetryLimits, StatsLimits } from './balancing-settings.js';
import type {
  HealthSettings,
  RegistrySettings,
  ReplicaSettings,
  TokenSettings,
  WakingSettings,
} from './settings.js';
import type { JobSettings, WebhookSettings } from './job-settings.js';

/**
 * Numbers that operators do not turn, each with its source; the simulation (`npm run simulate`) proves them together.
 * Tests and benchmarks replace some of them by `tuned`. Durations are in milliseconds, shares between 0 and 1.
 */
export interface Tuning {
  readonly health: Omit<HealthSettings, 'intervalMs' | 'timeoutMs' | 'failuresDown' | 'successesUp'>;
  readonly stats: BalancingSettings['stats'];
  readonly admission: Omit<BalancingSettings['admission'], 'maxWaitMs' | 'holdMs'>;
  readonly retry: Omit<BalancingSettings['retry'], 'most'>;
  readonly replicas: Omit<ReplicaSettings, 'drainTimeoutMs'>;
  readonly waking: Pick<WakingSettings, 'leaseMs' | 'renewMs'>;
  readonly tokens: Omit<TokenSettings, 'issuer' | 'audiences'>;
  readonly registry: Pick<RegistrySettings, 'resyncMs'>;
  readonly streams: { readonly heartbeatMs: number };
  readonly jobs: Omit<JobSettings, 'retentionMs'>;
  readonly webhooks: Omit<WebhookSettings, 'secret'>;
}

export const TUNING: Tuning = {
  health: {
    // Providers on the internet bill or limit frequent probes.
    publicIntervalMs: 30_000,
    // HAProxy's fastinter.
    fastIntervalMs: 1_000,
    downIntervalMs: 10_000,
    jitter: 0.2,
    // "Busy is not dead", as in SGLang's router.
    servedMs: 30_000,
    silenceMs: 60_000,
    // Served requests are written at most every 10 s, with a heartbeat every 5 s.
    reportMs: 20_000,
    // Envoy's max_ejection_percent, for one replica and interval.
    ejectionLimitShare: 0.3,
    warmingMs: 30_000,
    tickMs: 500,
    // A dead replica's workers are taken over within 20 s.
    leaseMs: 15_000,
    concurrency: 32,
    probeRequestIntervalMs: 5_000,
  },
  stats: {
    // Linkerd's and Finagle's failure accrual.
    connectErrorsInARow: 2,
    failuresInARow: 3,
    successShare: 0.8,
    successWindowMs: 30_000,
    successSamples: 5,
    // Envoy's outlier ejection: base time, doubled each time, and its limit.
    ejectionBaseMs: 10_000,
    ejectionMaxMs: 300_000,
    trialSuccesses: 2,
    throttleMaxMs: 60_000,
    throttleMs: 1_000,
    aliveMs: 30_000,
    speedMs: 15_000,
    speedHalfLifeMs: 60_000,
    // Finagle's peak EWMA.
    latencyMs: 10_000,
    failurePenalty: 10,
    callerFaultPenalty: 0.1,
    penaltyHalfLifeMs: 20_000,
  },
  // 61 slots of 64: the simulation's scene Q has 95 % of the room in use, and chats wait no longer than in an empty one.
  admission: { perSlot: 2, mostWaiting: 1_000, bulkShare: 0.95 },
  // Finagle's retry budget: 20 % of the requests, with a floor.
  retry: { share: 0.2, windowMs: 10_000, atLeast: 10, backoffMs: 50 },
  // After three missed heartbeats a replica is dead: the view live_replica has these 15 s. A rotation of keys takes minutes, and the look reads the whole table.
  replicas: { heartbeatMs: 5_000, sealAnewMs: 15_000 },
  // As for jobs: three renewals may be missed.
  waking: { leaseMs: 15_000, renewMs: 5_000 },
  tokens: {
    // Half of jose's cacheMaxAge, so that no key is older than there. https://github.com/panva/jose/blob/main/docs/jwks/remote/interfaces/RemoteJWKSetOptions.md
    refreshMs: 300_000,
    retryMs: 5_000,
    // A third of jose's cooldownDuration: a request to the issuer every 10 s is no burden.
    cooldownMs: 10_000,
  },
  registry: { resyncMs: 10_000 },
  // Below the idle timeouts of common proxies (nginx: 60 s, AWS ALB: 60 s, Heroku: 55 s).
  streams: { heartbeatMs: 15_000 },
  jobs: {
    // NOTIFY and known due times come first: this is the longest time without a look at the table.
    idleMs: 2_000,
    gatherMs: 100,
    recordMs: 50,
    // A killed replica's jobs are taken over within 20 s, as its probes are.
    leaseMs: 15_000,
    renewMs: 5_000,
    looksAtOnce: 256,
    looksPerWorker: 64,
    submitsAtOnce: 32,
    // OpenAI's clients pause for up to 8 s before they retry.
    returnMs: 10_000,
    // A look must end while its lease is held.
    lookTimeoutMs: 10_000,
    // A replica that only lost the database hands in what it knows within this time.
    unknownMs: 60_000,
    askPauseMs: 15_000,
    cancelMs: 60_000,
    resultMs: 600_000,
    silenceMs: 60_000,
    // As many as requests may wait for a model on one replica.
    mostQueued: 1_000,
    waitedMs: 1_000,
    inputBytes: 2 * 1024 ** 3,
    resultBytes: 256 * 1024 ** 2,
    // As for requests: 3 failures in a row, 10 s doubled up to 5 min. Five, where the request may be the cause.
    failures: {
      limitedAfter: 5,
      faultsInARow: 3,
      pauseMs: 10_000,
      pauseMaxMs: 300_000,
      busyMs: 1_000,
      busyMaxMs: 60_000,
    },
  },
  // Standard Webhooks' schedule: at once, after 5 s, 5 min, 30 min, 2 h, 5 h.
  webhooks: { tickMs: 2_000, pausesMs: [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000] },
};

/** Of migrations, which run before there are settings for anything else. */
export const MIGRATION_LIMITS = {
  /** The longest silence of the server. */
  answerMs: 5_000,
  /**
   * How long one try waits for a lock on a table: every later query of the table waits behind it. Two such waits are shorter
   * than PostgreSQL's deadlock_timeout (1 s), after which a change would fail that waits for the migration and holds what it
   * wants. https://www.postgresql.org/docs/current/runtime-config-locks.html
   */
  lockWaitMs: 400,
  /** Between two tries, for those queries. */
  pauseMs: 2_000,
  /** Half of Kubernetes' progressDeadlineSeconds: the reason is in the log before the rollout counts as failed. */
  patienceMs: 300_000,
};

/** Operators turn these two; they complete the limits of the queue and of retries. */
export const DEFAULT_QUEUE_WAIT_MS = 10_000;
/** A server with a large model loads in 30 to 100 s. */
export const DEFAULT_HOLD_S = 120;
export const DEFAULT_RETRIES = 2;

/** The limits of a service without settings: what the simulation proves. */
export const DEFAULT_STATS_LIMITS: StatsLimits = TUNING.stats;
export const DEFAULT_ADMISSION_LIMITS: AdmissionLimits = {
  ...TUNING.admission,
  maxWaitMs: DEFAULT_QUEUE_WAIT_MS,
  holdMs: DEFAULT_HOLD_S * 1000,
};
export const DEFAULT_RETRY_LIMITS: RetryLimits = { ...TUNING.retry, most: DEFAULT_RETRIES };

export type TuningOverrides = { readonly [Group in keyof Tuning]?: Partial<Tuning[Group]> };

/** The constants with some of them replaced. */
export function tuned(overrides: TuningOverrides): Tuning {
  return {
    health: { ...TUNING.health, ...overrides.health },
    stats: { ...TUNING.stats, ...overrides.stats },
    admission: { ...TUNING.admission, ...overrides.admission },
    retry: { ...TUNING.retry, ...overrides.retry },
    replicas: { ...TUNING.replicas, ...overrides.replicas },
    waking: { ...TUNING.waking, ...overrides.waking },
    tokens: { ...TUNING.tokens, ...overrides.tokens },
    registry: { ...TUNING.registry, ...overrides.registry },
    streams: { ...TUNING.streams, ...overrides.streams },
    jobs: { ...TUNING.jobs, ...overrides.jobs },
    webhooks: { ...TUNING.webhooks, ...overrides.webhooks },
  };
}
