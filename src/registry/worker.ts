import type { Choices } from '../template/choices.js';
import type { StreamExtract } from '../template/stream-extract.js';
import type { UsageExtract } from '../template/usage-extract.js';
import type { PlaceholderName, PlaceholderValues } from '../template/placeholders.js';
import type { UpstreamAnswer } from '../upstream/whole-answer.js';
import type { UpstreamCall } from '../upstream/upstream-client.js';
import type { PollCall } from './poll.js';
import type { Power, PowerCalls } from './power/power.js';
import type { Profile } from './profiles/profile.dto.js';

/** How workers are called: by their own template, or by an API that this service can translate. */
export const PROTOCOLS = ['template', 'openai', 'anthropic', 'gemini'] as const;
export type WorkerProtocol = (typeof PROTOCOLS)[number];
export type ApiProtocol = Exclude<WorkerProtocol, 'template'>;
export const TASKS = ['chat', 'completion', 'embedding', 'image', 'video', 'audio'] as const;
export type WorkerTask = (typeof TASKS)[number];
/** Set by operators and registrations, never by probes. */
export type AdminState = 'enabled' | 'disabled' | 'draining' | 'offline';
/** Set by probes, heartbeats and requests, never by operators. */
export type Health = 'unknown' | 'healthy' | 'suspect' | 'unhealthy' | 'warming';

/** Used when the client sends none. */
export interface WorkerDefaults {
  readonly temperature?: number;
  readonly max_tokens?: number;
  readonly system_prompt?: string;
  /** `1280x720`. */
  readonly size?: string;
  readonly seconds?: number;
  readonly n?: number;
  readonly quality?: string;
  readonly negative_prompt?: string;
  readonly seed?: number | 'random';
}

/** An answer without this value is a failure, whatever its status is. */
export interface SuccessWhen {
  readonly path: string;
  readonly equals?: Scalar;
  readonly in?: readonly Scalar[];
}

type Scalar = string | number | boolean | null;

/** How a worker is probed. The settings (`HEALTH_*`) decide what is left out. */
export interface HealthCheck {
  readonly kind?: 'http' | 'tcp' | 'inference' | 'none';
  /** The prompt of an inference probe. */
  readonly prompt?: string;
  /** Path at the worker's origin; `/health` by default. */
  readonly path?: string;
  readonly method?: 'GET' | 'HEAD' | 'POST';
  /** The expected status; any below 500 by default. */
  readonly expected_status?: number;
  /** Text that must occur in the body. */
  readonly body_contains?: string;
  /** The worker's model must be among the models it lists. */
  readonly require_model?: boolean;
  readonly interval_ms?: number;
  readonly timeout_ms?: number;
  readonly failures_down?: number;
  readonly successes_up?: number;
  /** Where the server shows how many requests wait inside it. */
  readonly waiting?: WaitingMetric;
}

/** A gauge in the text format of Prometheus. */
export interface WaitingMetric {
  /** Path at the worker's origin. */
  readonly path: string;
  readonly metric: string;
}

/** The timeouts of a worker's own definition; `null`: its model's policy or the settings decide. */
export interface CallTimeouts {
  readonly connectMs: number | null;
  readonly firstByteMs: number | null;
  readonly idleMs: number | null;
  readonly totalMs: number | null;
}

/** How a worker is called, compiled once from its definition. */
export type WorkerCall = TemplateCall | ApiCall;

interface CallBase {
  readonly origin: string;
  readonly ownTimeouts: CallTimeouts;
  /** The upstream's name of the model; `null`: the worker's model_name. */
  readonly upstreamModel: string | null;
  /** @throws SecretMissingError for a secret of its requests that this replica does not have now */
  requireSecrets(): void;
  /** How it is woken and sent to sleep; left out: it never sleeps. */
  readonly power?: PowerCalls;
}

/** A call by the worker's own templates. */
export interface TemplateCall extends CallBase {
  readonly kind: 'template';
  readonly placeholders: ReadonlySet<PlaceholderName>;
  /** This template cannot express a request without a value for it; `null`: it can express any. */
  readonly requires: PlaceholderName | null;
  readonly choices: Choices;
  /** Whether a placeholder carries a field of an image or a video, or another field of the request. */
  readonly takesMedia: boolean;
  /** Whether input images must be data URLs: the template needs their bytes. */
  readonly takesImageBytes: boolean;
  /** @throws RenderError for a value that its place in the template cannot hold, SecretMissingError */
  render(values: PlaceholderValues, forwardedHeaders: ForwardedHeaders): UpstreamCall;
  /** The answer's text. @throws ExtractError, UnsuccessfulAnswerError */
  extract(answer: Pick<UpstreamAnswer, 'text'>): string;
  /** How its streams are read; `null`: it sends whole answers only. */
  readonly stream: StreamExtract | null;
  readonly usage: UsageExtract | null;
  /** How its tasks are polled; `null`: its answer is the result. */
  readonly poll: PollCall | null;
}

/** A call by an API that this service can translate. */
export interface ApiCall extends CallBase {
  readonly kind: 'api';
  readonly protocol: ApiProtocol;
  /** What the server takes beyond its API, or does not take. */
  readonly profile: Profile;
  /** The path of an endpoint at the origin, without the query. */
  path(behindBase: string): string;
  /** @throws SecretMissingError, TemplateError for a secret that no header can hold */
  render(request: ApiRequest, forwardedHeaders: ForwardedHeaders): UpstreamCall;
}

/** Of the client, and forwarded to every worker whose definition does not set them. A probe has none. */
export interface ForwardedHeaders {
  readonly 'x-request-id'?: string;
  readonly traceparent?: string;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below the worker's base URL, such as `/chat/completions`. */
  readonly path: string;
  readonly body: string | Buffer | null;
  readonly contentType: string;
  /** The timeouts of streams apply. */
  readonly isStream: boolean;
}

/** One inference endpoint as the hot path sees it: immutable, replaced whole when its row changes. */
export interface Worker {
  readonly id: string;
  /** Changes with every change of the row. */
  readonly version: string;
  readonly modelName: string;
  readonly name: string;
  readonly url: string;
  readonly adminState: AdminState;
  /** Milliseconds since 1970. A change of it alone clears the worker's ejection. */
  readonly adminStateSinceMs: number;
  readonly health: Health;
  /** Of the last change of its health, for operators: it may hold addresses. Clients get `unusableReason`. */
  readonly healthReason: string;
  readonly weight: number;
  readonly priority: number;
  readonly maxConcurrency: number;
  /** `null`: whatever its API offers. */
  readonly task: WorkerTask | null;
  readonly defaults: WorkerDefaults;
  readonly onDisconnect: 'abort' | 'finish';
  readonly healthCheck: HealthCheck;
  readonly generation: number;
  readonly createdAt: Date;
  readonly call: WorkerCall | WorkerFault;
  /** Whether it is awake; `null`: it never sleeps. */
  readonly power: Power | null;
}

/** Why a row cannot be called: its definition was changed by hand, its credentials are bound to another origin, or a setting. */
export interface WorkerFault {
  readonly fault: string;
  /** The setting of this replica that causes it: another replica may be able to call the worker. `null`: none does. */
  readonly setting: OwnSetting | null;
}

/** What a replica may lack or refuse, and others not. */
export type OwnSetting = 'addresses' | 'keys' | 'secrets';

export function isCallable(worker: Worker): worker is Worker & { readonly call: WorkerCall } {
  return !('fault' in worker.call);
}
