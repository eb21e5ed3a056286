import type { MediaInput } from '../../registry/calls/media-values.js';
import type { TemplateInput } from '../../registry/calls/placeholder-values.js';
import type { ApiProtocol, ForwardedHeaders, Worker, WorkerTask } from '../../registry/worker.js';
import type { OpenAiChat } from '../chat/chat.js';
import type { RequestFacts } from '../../telemetry/request-facts.js';
import type { Span } from '../passthrough/json-scanner.js';
import { EXPLAIN_HEADER, Explanation } from '../pipeline/explanation.js';
import { affinityKeyOf, bodyAffinityKey, chatAffinityKey, type ChatStart } from './affinity-key.js';
import {
  classOf,
  type Deadline,
  deadlineOf,
  forwardedHeadersOf,
  priorityHeaderOf,
  wantsHold,
} from './request-headers.js';
import { estimatedTokens } from './token-counts.js';
import { schedulingTeam } from '../../access/acting-for.js';
import { type Caller, checkModel } from '../../access/caller.js';
import { ForbiddenError } from '../../access/access-errors.js';
import { RIGHTS } from '../../access/roles.js';
import { LiveKeys } from '../../access/keys/live-keys.js';
import { Limiter } from '../../access/limits/limiter.js';
import { type Tenant, tenantOf } from '../../balancing/admission/tenant.js';
import { InvalidInputError } from '../../input/input-errors.js';
import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Priority } from '../../config/balancing-settings.js';
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
  /** Whether the stream may begin with comments, before it is known whether an answer comes; left out: it may not. */
  readonly wantsHold?: boolean;
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
  /** The key of the conversation, '' without one. Computed on first use: only some strategies need it. */
  readonly affinityKey: () => string;
  readonly priority: Priority;
  /** Who shares the slots of the model. */
  readonly tenant: Tenant;
  /** The one worker that may serve the request; `null`: the balancer picks. */
  readonly worker: Worker | null;
  /** Only where the client wants one. */
  readonly explanation: Explanation | null;
  /** Records the worker, the attempts and the tokens, also of a request that fails. */
  readonly facts: Pick<
    RequestFacts,
    | 'model'
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
    | 'wokeMs'
    | 'cuts'
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
  /** The workers that keep what the request names: all of them for a caller with a scope, which all must be in. */
  readonly holderIds: readonly string[];
  /** That what the request names is not known, in the words of its API. */
  readonly notFound: () => Error;
  /** Remembers which worker keeps the objects of an answer. Resolves when the client may see it. Never throws. */
  keep(answer: Buffer, isEvents: boolean, workerId: string): Promise<void>;
}

/** The content of a body, in whichever API's format. */
export type RequestInput = Pick<
  InferenceRequest,
  'model' | 'task' | 'stream' | 'input' | 'media' | 'openAi' | 'raw'
> & {
  /** What the conversation begins with, where there is no `raw` to read it from. */
  readonly chatStart?: () => ChatStart;
  /** `service_tier` of the body; left out: it has none. */
  readonly serviceTier?: unknown;
};

/** Makes inference requests of HTTP requests. */
@Injectable()
export class InferenceRequests {
  constructor(
    private readonly live: LiveWorkers,
    private readonly policies: ModelPolicies,
    private readonly settings: InferenceSettings,
    private readonly limiter: Limiter,
    private readonly keys: LiveKeys,
  ) {}

  /** @throws InvalidInputError naming the header, ForbiddenError for a model outside the caller's scope, LimitedError */
  of(http: FastifyRequest, reply: FastifyReply, content: RequestInput): InferenceRequest {
    const { model, task, raw, input } = content;
    checkModel(http.caller, model);
    http.facts.model = this.isKnown(model) ? model : null;
    const request = this.read(http, content);
    this.limiter.enter(http, reply, () => estimatedTokens(http, task, raw, input));
    http.facts.explanation = request.explanation;
    return request;
  }

  /** The same without an effect: no limit counts it, and no log line names its model. @throws InvalidInputError, ForbiddenError */
  read(
    http: FastifyRequest,
    { model, task, stream, input, media, openAi, raw, chatStart, serviceTier }: RequestInput,
  ): InferenceRequest {
    const { caller } = http;
    const longestMs = this.policies.of(model)?.totalMs ?? this.settings.requestTimeoutMs;
    const priority = this.priorityOf(http, model, serviceTier);
    const { arrivedMs, clientSetDeadline, deadlineMs, latestMs } = deadlineOf(http.headers, longestMs);
    // Field by field: a spread took 4 % of a request's time.
    return {
      id: http.id,
      model,
      task,
      stream,
      wantsHold: wantsHold(http.headers),
      input,
      media,
      openAi,
      raw,
      affinityKey: affinityKeyOf(http.headers, () => startKeyOf(raw, chatStart)),
      priority,
      tenant: tenantOf(caller, this.keys.weightOf(schedulingTeam(caller))),
      worker: this.workerFor(http, model),
      explanation: explanationFor(http, arrivedMs),
      facts: http.facts,
      forwardedHeaders: forwardedHeadersOf(http),
      caller,
      arrivedMs,
      clientSetDeadline,
      deadlineMs,
      latestMs,
    };
  }

  /** The class of a request. @param serviceTier of its body @throws InvalidInputError naming the header */
  priorityOf({ headers, caller }: FastifyRequest, model: string, serviceTier: unknown): Priority {
    const team = schedulingTeam(caller);
    return classOf({
      header: priorityHeaderOf(headers),
      serviceTier,
      key: caller.priority,
      model: this.policies.of(model)?.priority ?? null,
      highest: team === null ? 'interactive' : this.keys.highestPriorityOf(team),
    });
  }

  /** @throws ForbiddenError, InvalidInputError naming the header */
  private workerFor({ headers, caller }: FastifyRequest, model: string): Worker | null {
    const id = headers[WORKER_HEADER];
    if (id === undefined) return null;
    checkOperates(caller, WORKER_HEADER);
    const worker = typeof id === 'string' ? this.live.worker(id) : undefined;
    if (worker !== undefined && worker.modelName === model) return worker;
    const problem =
      worker === undefined
        ? 'must be the id of a registered worker: GET /api/v1/workers lists them'
        : `names a worker of the model ${JSON.stringify(worker.modelName)}, and the request is for ${JSON.stringify(model)}`;
    throw new InvalidInputError([{ field: WORKER_HEADER, problem }]);
  }

  /** An unknown name of a client must not become a label of metrics. */
  private isKnown(model: string): boolean {
    return this.live.model(model) !== undefined || this.policies.of(model) !== undefined;
  }
}

/** Names the one worker that may serve the request. For roles that operate workers: it bypasses balancing. */
export const WORKER_HEADER = 'x-mmm-worker';

/** @throws ForbiddenError */
function explanationFor({ headers, caller }: FastifyRequest, arrivedMs: number): Explanation | null {
  if (headers[EXPLAIN_HEADER] !== '1') return null;
  checkOperates(caller, EXPLAIN_HEADER);
  return new Explanation(arrivedMs);
}

/** @throws ForbiddenError for a role that does not operate workers */
function checkOperates({ role }: Caller, header: string): void {
  if (!(RIGHTS.call_one_worker as readonly string[]).includes(role))
    throw ForbiddenError.header(header, role, 'call_one_worker');
}

/** A form, which makes or reads an image or a sound, begins no conversation. */
function startKeyOf(raw: RawBody | null, chatStart: (() => ChatStart) | undefined): string {
  if (raw !== null) return raw.spelled === 'json' ? bodyAffinityKey(raw.bytes) : '';
  return chatStart === undefined ? '' : chatAffinityKey(chatStart());
}
