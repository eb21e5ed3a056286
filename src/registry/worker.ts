import type { StreamExtract } from '../template/stream-extract.js';
import type { UsageExtract } from '../template/usage-extract.js';
import type { PlaceholderName, PlaceholderValues } from '../template/placeholders.js';
import type { UpstreamAnswer } from '../upstream/whole-answer.js';
import type { UpstreamCall } from '../upstream/upstream-client.js';

/** An API that is known here, request and answer. */
export type ApiProtocol = 'openai' | 'anthropic' | 'gemini';
export type WorkerProtocol = 'template' | ApiProtocol;
export type WorkerTask = 'chat' | 'completion' | 'embedding' | 'image' | 'video' | 'audio';
/** What people want. Only people and registration change it; no probe ever does. */
export type AdminState = 'enabled' | 'disabled' | 'draining' | 'offline';
/** What the evidence says. Only evidence changes it. */
export type Health = 'unknown' | 'healthy' | 'suspect' | 'unhealthy' | 'warming';

/** Used where the caller gives none. */
export interface WorkerDefaults {
  readonly temperature?: number;
  readonly max_tokens?: number;
  readonly system_prompt?: string;
}

/** An answer for which this does not hold is a failure, whatever its status. */
export interface SuccessWhen {
  readonly path: string;
  readonly equals: string | number | boolean | null;
}

/** How a worker is probed. What is left out comes from the settings (`HEALTH_*`). */
export interface HealthCheck {
  readonly kind?: 'http' | 'tcp' | 'inference' | 'none';
  /** What an inference asks. */
  readonly prompt?: string;
  /** Path at the worker's origin; `/health` by default. */
  readonly path?: string;
  readonly method?: 'GET' | 'HEAD' | 'POST';
  /** The exact status wanted; any below 500 by default. */
  readonly expected_status?: number;
  /** Text that must occur in the body. */
  readonly body_contains?: string;
  /** Of a worker that lists its models: the one it serves must be among them. */
  readonly require_model?: boolean;
  readonly interval_ms?: number;
  readonly timeout_ms?: number;
  readonly failures_down?: number;
  readonly successes_up?: number;
}

/** What a worker says itself of the times it is given; `null`: its model or the settings decide. */
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
  /** What the upstream calls the model; `null`: as it is called here. */
  readonly upstreamModel: string | null;
}

/** By its own templates. */
export interface TemplateCall extends CallBase {
  readonly kind: 'template';
  readonly placeholders: ReadonlySet<PlaceholderName>;
  /** @throws RenderError for a value that can't stand where the template wants it; SecretMissingError */
  render(values: PlaceholderValues, passedOn: Readonly<Record<string, string>>): UpstreamCall;
  /** The answer's text. @throws ExtractError, UnsuccessfulAnswerError */
  extract(answer: Pick<UpstreamAnswer, 'text'>): string;
  /** How its streams are read; `null`: it answers whole only. */
  readonly stream: StreamExtract | null;
  readonly usage: UsageExtract | null;
}

/** By an API that is known here. */
export interface ApiCall extends CallBase {
  readonly kind: 'api';
  readonly protocol: ApiProtocol;
  /** Where that is at the origin, without its query. */
  path(behindBase: string): string;
  /** @throws SecretMissingError, TemplateError for a secret that a header can't carry */
  render(request: ApiRequest, passedOn: Readonly<Record<string, string>>): UpstreamCall;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  /** Behind the worker's base, such as `/chat/completions`. */
  readonly path: string;
  readonly body: string | Buffer | null;
  readonly contentType: string;
  /** Its answer is waited for as a stream is. */
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
  /** Milliseconds since 1970. A change of it alone means: forget what was held against it. */
  readonly adminStateSinceMs: number;
  readonly health: Health;
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
}

/** Why a row can't be called as it stands: a definition changed by hand, or credentials bound to another origin. */
export interface WorkerFault {
  readonly fault: string;
}

export function isCallable(worker: Worker): worker is Worker & { readonly call: WorkerCall } {
  return !('fault' in worker.call);
}
