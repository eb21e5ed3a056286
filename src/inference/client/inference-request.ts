import type { MediaInput } from '../../registry/calls/media-values.js';
import type { TemplateInput } from '../../registry/calls/placeholder-values.js';
import type { ApiProtocol, ForwardedHeaders, WorkerTask } from '../../registry/worker.js';
import type { OpenAiChat } from '../chat/chat.js';
import type { RequestFacts } from '../../telemetry/request-facts.js';
import type { Span } from '../passthrough/json-scanner.js';
import { estimatedTokens } from './token-estimate.js';
import type { IncomingHttpHeaders } from 'http';
import { type Caller, checkModel } from '../../access/caller.js';
import { Limiter } from '../../access/limits/limiter.js';
import { InvalidInputError } from '../../input/input-errors.js';
import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InferenceSettings } from '../../config/settings.js';
import { LiveWorkers } from '../../registry/live/live-workers.js';
import { ModelPolicies } from '../../registry/models/model-policies.js';

/** One turn of a conversation in OpenAI's format; further fields are forwarded unchanged. */
export interface ChatMessage {
  readonly role: string;
  readonly content: unknown;
}

/** The protocols that clients use at `/v1`: a worker of the same protocol accepts their requests unchanged. */
export type Dialect = Extract<ApiProtocol, 'openai' | 'anthropic'>;

/** An unchanged body, for workers that speak the client's protocol. */
export interface RawBody {
  readonly dialect: Dialect;
  /** The path after the API's base, such as `/chat/completions`. */
  readonly path: string;
  /** The part of the URL's query that belongs to the API, such as `?beta=true`. */
  readonly query: string;
  /** The client's headers that say how the body is to be read, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly bytes: Buffer;
  /** The position of the model's name, as JSON or, in a form, as text. */
  readonly model: Span;
  readonly spelled: 'json' | 'text';
}

/** A request to a model, whichever API it came through. */
export interface InferenceRequest extends Deadline {
  readonly id: string;
  readonly model: string;
  /** `null`: any task; the worker's task decides. */
  readonly task: WorkerTask | null;
  readonly stream: boolean;
  /** Parsed on first use. @throws InvalidInputError */
  readonly input: () => TemplateInput;
  /** What a template of images or videos can use of a chat; left out: `input` has it. @throws InvalidInputError */
  readonly media?: (() => MediaInput) | undefined;
  /** The same for workers that speak an API. @throws InvalidInputError */
  readonly openAi: () => OpenAiChat;
  /** `null`: the request came through the native API. */
  readonly raw: RawBody | null;
  /** Of endpoints whose servers keep what they answer; left out elsewhere. */
  readonly kept?: KeptObjects;
  /** Requests of one key belong together: `x-session-id`, else the beginning of the first message. */
  readonly affinityKey: string;
  /** Records the worker, the attempts and the tokens, also of a request that fails. */
  readonly facts: Pick<
    RequestFacts,
    | 'workerId'
    | 'attempts'
    | 'ignored'
    | 'inputTokens'
    | 'outputTokens'
    | 'cachedTokens'
    | 'answerTokens'
    | 'images'
    | 'seconds'
    | 'queueMs'
    | 'fallbackModel'
    | 'isRunning'
    | 'whenEnded'
  >;
  readonly forwardedHeaders: ForwardedHeaders;
  /** Fallbacks outside its scope are left out. */
  readonly caller: Pick<Caller, 'models'>;
}

/** What the servers of workers keep between requests. */
export interface KeptObjects {
  /** The worker that keeps what the request names; `null`: it names nothing, or nothing that is known. */
  readonly holderId: string | null;
  /** Remembers which worker keeps the objects of an answer. Resolves when the client may see it. Never throws. */
  keep(answer: Buffer, isEvents: boolean, workerId: string): Promise<void>;
}

/** How long the client waits, in milliseconds from the arrival of the request; forwarded to the worker. */
export const TIMEOUT_HEADER = 'x-request-timeout-ms';

/** The longest a timer can wait (2^31 - 1 ms). */
const LONGEST_MS = 2147483647;

/** When a request must be complete, on the clock of `performance.now()`. */
export interface Deadline {
  readonly arrivedMs: number;
  /** The client set the deadline, which is forwarded to the worker. */
  readonly clientSetDeadline: boolean;
  /** The request must be complete by then, unless the worker has a longer timeout of its own. */
  readonly deadlineMs: number;
  /** The client waits no longer, whatever the worker's timeout. */
  readonly latestMs: number;
}

/** @param longestMs the default, and the longest timeout a client can set @throws InvalidInputError naming the header */
export function deadlineOf(headers: IncomingHttpHeaders, longestMs: number): Deadline {
  const timeoutMs = clientTimeoutMs(headers);
  const arrivedMs = performance.now();
  return {
    arrivedMs,
    clientSetDeadline: timeoutMs !== undefined,
    deadlineMs: arrivedMs + Math.min(timeoutMs ?? longestMs, longestMs),
    latestMs: arrivedMs + (timeoutMs ?? Infinity),
  };
}

/** When a call must be complete at a worker with the timeout `ownMs`; `null`: it has none of its own. */
export function attemptDeadlineMs(
  { arrivedMs, deadlineMs, latestMs }: Deadline,
  ownMs: number | null,
): number {
  return ownMs === null ? deadlineMs : Math.min(latestMs, Math.max(deadlineMs, arrivedMs + ownMs));
}

/** The client's timeout; `undefined` without the header. @throws InvalidInputError naming the header */
function clientTimeoutMs(headers: IncomingHttpHeaders): number | undefined {
  const given = headers[TIMEOUT_HEADER];
  if (given === undefined) return undefined;
  const ms = typeof given === 'string' && /^\d{1,10}$/.test(given) ? Number(given) : 0;
  if (ms >= 1 && ms <= LONGEST_MS) return ms;
  throw new InvalidInputError([
    { field: TIMEOUT_HEADER, problem: `must be a whole number of milliseconds from 1 to ${LONGEST_MS}` },
  ]);
}

/** The content of a body, in whichever API's format. */
type RequestInput = Pick<
  InferenceRequest,
  'model' | 'task' | 'stream' | 'input' | 'media' | 'openAi' | 'raw'
> & {
  /** The beginning of the conversation. */
  readonly affinitySource: unknown;
};

/** Makes inference requests of HTTP requests. */
@Injectable()
export class InferenceRequests {
  constructor(
    private readonly live: LiveWorkers,
    private readonly policies: ModelPolicies,
    private readonly settings: InferenceSettings,
    private readonly limiter: Limiter,
  ) {}

  /** @throws InvalidInputError naming the header, ForbiddenError for a model outside the caller's scope, LimitedError */
  of(
    http: FastifyRequest,
    reply: FastifyReply,
    { model, task, stream, input, media, openAi, raw, affinitySource }: RequestInput,
  ): InferenceRequest {
    const { caller } = http;
    checkModel(caller, model);
    http.facts.model = this.isKnown(model) ? model : null;
    const longestMs = this.policies.of(model)?.totalMs ?? this.settings.requestTimeoutMs;
    const { arrivedMs, clientSetDeadline, deadlineMs, latestMs } = deadlineOf(http.headers, longestMs);
    if (this.limiter.isLimited(caller))
      this.limiter.enter(
        http,
        reply,
        this.limiter.countsTokens(caller) ? estimatedTokens(http, task, raw, input) : 0,
      );
    // Field by field: a spread took 4 % of a request's time.
    return {
      id: http.id,
      model,
      task,
      stream,
      input,
      media,
      openAi,
      raw,
      affinityKey: affinityKeyOf(http, affinitySource),
      facts: http.facts,
      forwardedHeaders: forwardedHeadersOf(http),
      caller,
      arrivedMs,
      clientSetDeadline,
      deadlineMs,
      latestMs,
    };
  }

  /** An unknown name of a client must not become a label of metrics. */
  private isKnown(model: string): boolean {
    return this.live.model(model) !== undefined || this.policies.of(model) !== undefined;
  }
}

/** Length of the prompt's beginning that is used: a worker answers prompts with a known beginning faster. */
const KEY_LENGTH = 256;

/** Identifies the conversation of a request, never the client. */
export function affinityKeyOf(http: FastifyRequest, affinitySource: unknown): string {
  const session = http.headers['x-session-id'];
  if (typeof session === 'string') return session;
  return typeof affinitySource === 'string' ? affinitySource.slice(0, KEY_LENGTH) : '';
}

/** The client's headers that are forwarded to a worker; never its key. */
export function forwardedHeadersOf(http: FastifyRequest): ForwardedHeaders {
  const { traceparent } = http.headers;
  return typeof traceparent === 'string'
    ? { 'x-request-id': http.id, traceparent }
    : { 'x-request-id': http.id };
}
