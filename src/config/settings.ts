import type { BalancingSettings } from './balancing-settings.js';
import type { JobSettings, WebhookSettings } from './job-settings.js';

/**
 * Typed slices of the configuration. Classes, because Nest injects by class; a module injects only its slice.
 * Durations are in milliseconds, sizes in bytes.
 */
export abstract class ServerSettings {
  abstract readonly host: string;
  abstract readonly port: number;
  /** An additional port for `/metrics`, `/livez` and `/readyz` without a key; `null`: none. */
  /** How many processes serve on the port; each is a replica. */
  abstract readonly processes: number;
  abstract readonly metricsPort: number | null;
  /** An additional port for all routes; then `port` serves inference and probes only. `null`: none. */
  abstract readonly adminPort: number | null;
  abstract readonly maxBodyBytes: number;
  abstract readonly shutdownDelayMs: number;
  abstract readonly drainTimeoutMs: number;
}

export abstract class LogSettings {
  abstract readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  abstract readonly format: 'json' | 'pretty';
  /** Whether LOG_FORMAT names the format; otherwise the terminal, or its absence, decided. */
  abstract readonly isFormatChosen: boolean;
}

export abstract class DatabaseSettings {
  /** `null`: the embedded PostgreSQL in `dataDir`. */
  abstract readonly url: string | null;
  /** For LISTEN and migrations, past a transaction pooler. */
  abstract readonly directUrl: string | null;
  abstract readonly schema: string;
  abstract readonly poolSize: number;
  abstract readonly migrateOnStart: boolean;
  abstract readonly dataDir: string;
}

export abstract class AccessSettings {
  /** SHA-256 of ADMIN_API_KEY in base64, so that no dump of the memory holds the key. */
  abstract readonly adminKeyHash: string | null;
  /** No key is set and AUTH does not allow that: loopback only, foreign `Host` and `Origin` rejected. */
  abstract readonly protectedMode: boolean;
  abstract readonly metricsOpen: boolean;
  /** The origins whose pages may call the service; `*`: all. */
  abstract readonly corsOrigins: readonly string[];
  /** `pattern=role` each: the roles of users that a proxy or an issuer of tokens vouches for. */
  abstract readonly roleRules: readonly string[];
  /** A proxy that signs users in; `null`: none. */
  abstract readonly proxy: ProxySettings | null;
  /** The issuer whose JWTs count as keys; `null`: none. */
  abstract readonly tokens: TokenSettings | null;
  /** The provider at which people sign in; `null`: none. */
  abstract readonly oidc: OidcSettings | null;
}

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** `null`: a public client, which PKCE protects alone. */
  readonly clientSecret: string | null;
  /** `/auth/callback` of this service, as browsers reach it and the provider knows it. */
  readonly redirectUrl: string;
}

export interface TokenSettings {
  /** As the claim `iss` names it. */
  readonly issuer: string;
  /** A token is accepted that is meant for one of them. */
  readonly audiences: readonly string[];
  /** How often the keys of the issuer are read. */
  readonly refreshMs: number;
  /** How soon they are read again after a failure. */
  readonly retryMs: number;
  /** How long a refused token stays refused, and how long after a read no unknown key id causes another one. */
  readonly cooldownMs: number;
}

export interface ProxySettings {
  /** In lower case, as Node.js has them. */
  readonly userHeader: string;
  readonly groupsHeader: string | null;
  /** The addresses from which the headers count. */
  readonly cidrs: readonly string[];
}

export abstract class CredentialsSettings {
  abstract readonly keys: string | null;
  abstract readonly keysDir: string;
  /** With an embedded database a key is made in `keysDir` when none is given. */
  abstract readonly makeKey: boolean;
  abstract readonly secretsDir: string | null;
  /** `NAME` of every `WORKER_SECRET_NAME` in the environment. */
  abstract readonly workerSecrets: ReadonlyMap<string, string>;
  /** By `NAME`, the origins of WORKER_SECRET_NAME_ORIGINS, to which alone the secret may be sent. */
  abstract readonly secretOrigins: ReadonlyMap<string, readonly string[]>;
}

export abstract class UpstreamSettings {
  abstract readonly allowCidrs: readonly string[];
  abstract readonly denyCidrs: readonly string[];
  abstract readonly allowLoopback: boolean;
  abstract readonly maxResponseBytes: number;
}

export abstract class InferenceSettings {
  abstract readonly requestTimeoutMs: number;
  abstract readonly connectTimeoutMs: number;
  abstract readonly firstByteTimeoutMs: number;
  abstract readonly idleTimeoutMs: number;
  /** After so much silence between events a stream says that it is still alive. */
  abstract readonly streamHeartbeatMs: number;
  abstract readonly defaultModel: string | null;
}

export abstract class HealthSettings {
  /** Between probes of a worker whose state is settled. */
  abstract readonly intervalMs: number;
  /** The same for workers at public addresses, which we probe less eagerly. */
  abstract readonly publicIntervalMs: number;
  /** While it is changing its mind. */
  abstract readonly fastIntervalMs: number;
  /** The longest, reached by doubling, for a worker that stays down. */
  abstract readonly downIntervalMs: number;
  /** ± share of every interval, so that nothing probes in step. */
  abstract readonly jitter: number;
  abstract readonly timeoutMs: number;
  abstract readonly failuresDown: number;
  abstract readonly successesUp: number;
  /** Requests that succeeded within this time outweigh a default probe that fails. */
  abstract readonly servedMs: number;
  /** Other replicas report served requests with this delay at most. */
  abstract readonly reportMs: number;
  /** A worker that connects but does not answer is suspect at most, until there was no success at all for so long. */
  abstract readonly silenceMs: number;
  /** Of a model's workers, 0 to 1: as many may one replica take down in an interval, and always one. */
  abstract readonly ejectionLimitShare: number;
  /** How long one that comes back is warming; the balancer's own. */
  abstract readonly warmingMs: number;
  /** How often a replica looks for probes that are due. */
  abstract readonly tickMs: number;
  /** Another prober may claim a claimed probe after this time without a result. */
  abstract readonly leaseMs: number;
  /** Probes a replica runs at once. */
  abstract readonly concurrency: number;
  /** At most one hint per worker in this time. */
  abstract readonly probeRequestIntervalMs: number;
}

export abstract class ReplicaSettings {
  /** How often a replica says that it is there. */
  abstract readonly heartbeatMs: number;
  /** How often it looks for credentials that are sealed under a former key. */
  abstract readonly sealAnewMs: number;
  /** How long requests that run on a draining worker may take to finish. */
  abstract readonly drainTimeoutMs: number;
}

export abstract class WakingSettings {
  /** Another replica may take over a waking, or give up on a worker that is sent to sleep, after this time without a renewal. */
  abstract readonly leaseMs: number;
  abstract readonly renewMs: number;
}

export abstract class RegistrySettings {
  /** A full resync with the table: the truth, of which NOTIFY is only a hint. */
  abstract readonly resyncMs: number;
  abstract readonly offlineRetentionDays: number;
  abstract readonly eventRetentionDays: number;
}

export interface Settings {
  /** Removed variables that are still set; they have no effect. */
  readonly ignoredVariables: readonly string[];
  readonly server: ServerSettings;
  readonly log: LogSettings;
  readonly database: DatabaseSettings;
  readonly access: AccessSettings;
  readonly credentials: CredentialsSettings;
  readonly upstream: UpstreamSettings;
  readonly inference: InferenceSettings;
  readonly health: HealthSettings;
  readonly balancing: BalancingSettings;
  readonly replicas: ReplicaSettings;
  readonly waking: WakingSettings;
  readonly registry: RegistrySettings;
  readonly jobs: JobSettings;
  readonly webhooks: WebhookSettings;
}
