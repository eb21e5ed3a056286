import type { FastifyReply } from 'fastify';
import type { RequestFacts } from '../../telemetry/request-facts.js';
import { detailOf, errorTypeOf, FAILED, mayClientRetry } from '../../upstream/failure.js';
import type { AnswerHeaders } from '../../upstream/headers.js';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import { type Exposed, UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import type { ChatAnswer, ChatEvent, Usage } from '../chat/chat.js';
import { eventsOf } from '../chat/tool-calls.js';
import { imagesInAnswer } from '../passthrough/image-counter.js';
import { BYTES_PER_TOKEN } from '../passthrough/usage-scanner.js';
import type { Attempt } from '../pipeline/attempt.js';
import { showExplanation } from '../pipeline/explanation.js';
import { shownFields } from '../adapt/ignored-fields.js';
import { SseResponse } from '../streams/sse-response.js';
import { holdUntilSent } from '../streams/unsent-bytes.js';
import { UnsupportedFieldError } from '../../input/input-errors.js';
import { type FieldNames, fieldFor, wordsFor } from './field-names.js';
import type { InferenceRequest } from './inference-request.js';
import type { CancelSignal } from '../../upstream/exchange.js';
import { ClientDisconnect } from './client-disconnect.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/** What all objects of one response have in common. */
export interface ResponseHead {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

/** Writes the events of one streamed answer as server-sent events. */
export interface StreamWriter {
  /** @returns '' where nothing is sent yet */
  event(event: ChatEvent): string;
  /** After the last event. */
  end(): string;
}

/** How an API writes its responses. */
export interface ResponseFormat {
  /** The whole answer as JSON. @throws ProtocolError where it cannot be expressed */
  whole(answer: ChatAnswer, head: ResponseHead): string;
  /** Left out: the answer always comes whole. */
  stream?(head: ResponseHead): StreamWriter;
  /** Sees the whole events of a stream that is passed through. */
  passed?(events: Buffer): void;
  /** In the middle of a stream, instead of its end. */
  errorEvent(error: unknown, requestId: string): string;
  /** How the API names the fields of a chat, for the faults of a request that was translated; left out: as they are. */
  readonly fieldNames?: FieldNames;
  /** The body for a worker's rejection; left out or `null`: the client gets the 502 of this service instead. */
  rejection?(rejection: Rejection, requestId: string): string | null;
}

/** A worker's rejection, for the envelope of the client's API. */
export interface Rejection {
  readonly status: number;
  readonly message: string;
  /** OpenAI's `error.code`. */
  readonly code: string | null;
  /** The request has more tokens than the model takes. */
  readonly isTooLong: boolean;
}

/** A streamed response. Ended or failed once, last. */
export interface ResponseStream {
  /** @returns false: the client is slow; wait for `resume` */
  event(event: ChatEvent): boolean;
  end(): void;
  /** The answer broke off: the client must see that it did. */
  fail(error: unknown): void;
}

/** Where an answer goes: to the client of a request, or into a job. */
export interface Responder {
  readonly request: InferenceRequest;
  readonly disconnect: CancelSignal;
  readonly committed: boolean;
  readonly wantsStream: boolean;
  /** Whether a large answer may be sent before it has come whole. */
  readonly takesParts: boolean;
  /** @throws ProtocolError */
  send(answer: ChatAnswer, attempt: Attempt): void;
  startStream(attempt: Attempt, resume: () => void): ResponseStream;
  /** A whole answer of the client's own API, unchanged. @throws ProtocolError */
  pass(answer: UpstreamAnswer, attempt: Attempt): void;
  /** A stream of the client's own API, whose head is sent unchanged. */
  startPassing(answer: OpenAnswer, attempt: Attempt): PassedStream;
  /** @returns false: the error is not sent yet */
  reject(error: unknown): boolean;
}

export interface PassedStream {
  readonly http: FastifyReply;
  readonly format: ResponseFormat;
}

/**
 * The response to one client: whole, streamed, passed through unchanged, or a rejection. The file is long because the ways of
 * one answer to its client are read together.
 */
export class ClientResponse implements Responder {
  /** The client has received a byte: no other worker may be tried. */
  committed = false;
  readonly takesParts = true;
  readonly disconnect: ClientDisconnect;

  constructor(
    readonly http: FastifyReply,
    readonly request: InferenceRequest,
    readonly format: ResponseFormat,
  ) {
    this.disconnect = new ClientDisconnect(http.raw);
  }

  get wantsStream(): boolean {
    return this.request.stream && this.format.stream !== undefined;
  }

  /** Sends a whole answer, as a stream if the client wants one. @throws ProtocolError */
  send(answer: ChatAnswer, attempt: Attempt): void {
    recordAnswer(this.request.facts, answer);
    if (this.wantsStream) {
      const stream = this.startStream(attempt, () => {});
      for (const event of eventsOf(answer)) stream.event(event);
      stream.end();
      return;
    }
    const body = this.format.whole(answer, this.head(attempt));
    if (this.request.task === 'image') this.request.facts.images = imagesInAnswer(body);
    holdUntilSent(this.http, body.length);
    this.commit(attempt, true).type(JSON_TYPE).send(body);
  }

  /** @param resume called when the client can take more */
  startStream(attempt: Attempt, resume: () => void): ResponseStream {
    const writer = this.format.stream?.(this.head(attempt));
    if (writer === undefined) throw new TypeError('this response is never streamed');
    const response = new SseResponse(this.commit(attempt, false), resume);
    return {
      event: (event) => response.write(writer.event(event)),
      end: () => {
        response.write(writer.end());
        response.end();
      },
      fail: (error) => {
        const { facts } = this.http.request;
        facts.errorType = errorTypeOf(error);
        facts.errorDetail = detailOf(error);
        response.write(this.format.errorEvent(error, this.request.id));
        response.end();
      },
    };
  }

  pass({ status, headers, bytes }: UpstreamAnswer, attempt: Attempt): void {
    const http = this.commit(attempt, true);
    copyHeaders(http, headers);
    holdUntilSent(http, bytes.length);
    http.code(status).send(bytes);
  }

  startPassing({ status, headers }: OpenAnswer, attempt: Attempt): PassedStream {
    const http = this.commit(attempt, false);
    copyHeaders(http, headers);
    http.code(status);
    return { http, format: this.format };
  }

  /** From here on the response belongs to this attempt. Sets the headers that describe it. */
  private commit(attempt: Attempt, isWhole: boolean): FastifyReply {
    this.committed = true;
    const { http, request } = this;
    const { model, upstreamMs } = attempt;
    const { facts } = http.request;
    // Unknown when the request came, and found since.
    facts.model ??= request.model;
    facts.upstreamMs = upstreamMs;
    // A name may hold characters that a header cannot.
    if (model !== request.model) http.header('x-mmm-model', encodeURI(model));
    http.header('x-mmm-worker-id', attempt.workerId).header('x-mmm-attempts', attempt.number);
    if (facts.ignored !== null && facts.ignored.length > 0) showIgnored(http, facts.ignored);
    if (!isWhole) return http;
    showExplanation(http);
    return http
      .header('x-mmm-upstream-ms', upstreamMs.toFixed(1))
      .header('x-mmm-overhead-ms', Math.max(0, http.elapsedTime - upstreamMs).toFixed(1));
  }

  /**
   * Sends a worker's rejection, as far as the client may see it. @returns false: the client may not
   * @throws UnsupportedFieldError with the name of the field that the client has sent
   */
  reject(error: unknown): boolean {
    const { fieldNames } = this.format;
    if (error instanceof UnsupportedFieldError && fieldNames !== undefined)
      throw new UnsupportedFieldError(fieldFor(fieldNames, error.field), wordsFor(fieldNames, error.problem));
    if (!(error instanceof UpstreamRejectedError) || error.exposed === null) return false;
    const { exposed, retryAfterMs, failure } = error;
    const { http, request, format } = this;
    const rejection = rejectionFor(error, exposed, fieldNames);
    const body = exposed.bytes ?? format.rejection?.(rejection, request.id) ?? null;
    if (body === null) return false;
    this.committed = true;
    const { facts } = http.request;
    facts.errorType = failure.errorType;
    facts.isRejected = failure.verdict === 'client_fault';
    if (facts.workerId !== null)
      http.header('x-mmm-worker-id', facts.workerId).header('x-mmm-attempts', facts.attempts);
    copyHeaders(http, exposed.headers);
    if (retryAfterMs !== null) setRetryAfter(http, retryAfterMs);
    if (!mayClientRetry(failure, facts.attempts)) http.header('x-should-retry', 'false');
    if (exposed.bytes === null) http.type(JSON_TYPE);
    showExplanation(http);
    holdUntilSent(http, body.length);
    http.code(rejection.status).send(body);
    return true;
  }

  private head({ model }: Attempt): ResponseHead {
    return { id: this.request.id, created: Math.floor(Date.now() / 1000), model };
  }
}

/** An error of the client's own API keeps its status, unless it is one that no API has. */
function rejectionFor(
  { kind, failure, status: own }: UpstreamRejectedError,
  exposed: Exposed,
  names: FieldNames | undefined,
): Rejection {
  const { bytes, isTooLong } = exposed;
  const message = names === undefined ? exposed.message : wordsFor(names, exposed.message);
  const isOfApi = bytes !== null && (own < 520 || own === 529) && own !== 498;
  const status = isTooLong && bytes === null ? 400 : isOfApi ? own : (failure.status ?? own);
  const words = message === '' ? `the upstream answered ${own}` : message;
  return {
    status,
    message: status < 500 && message !== '' ? words : `${FAILED}: ${words}`,
    code: isTooLong ? 'context_length_exceeded' : kind === 'model_missing' ? 'model_not_found' : exposed.code,
    isTooLong,
  };
}

/** Whole seconds for all clients, and the fraction for those of OpenAI and Anthropic, which read it first. */
function setRetryAfter(http: FastifyReply, ms: number): void {
  http.header('retry-after', String(Math.ceil(ms / 1000)));
  if (ms % 1000 !== 0) http.header('retry-after-ms', String(Math.ceil(ms)));
}

/** Headers of an upstream that are meant for the client; by `request-id` Anthropic knows the answer. */
const FORWARDED =
  /^(content-type|content-disposition|retry-after|retry-after-ms|x-ratelimit-.+|openai-.+|anthropic-ratelimit-.+|request-id)$/;

function copyHeaders(http: FastifyReply, headers: AnswerHeaders): void {
  // A client that sees the limits of its own key must not take the upstream's for them.
  const showsOwn = OWN_LIMITS.some((own) => http.hasHeader(own));
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && FORWARDED.test(name) && !(showsOwn && OTHERS_LIMIT.test(name)))
      http.header(name, value);
}

const OTHERS_LIMIT = /^(x|anthropic)-ratelimit-/;
const OWN_LIMITS = [
  'x-ratelimit-limit-requests',
  'x-ratelimit-limit-tokens',
  'anthropic-ratelimit-requests-limit',
  'anthropic-ratelimit-tokens-limit',
] as const;

/** Names the fields of a request that were left out. */
export function showIgnored(http: FastifyReply, ignored: readonly string[]): void {
  const names = shownFields(ignored);
  if (names !== '') http.header('x-mmm-ignored', names);
}

type UsageFacts = Pick<RequestFacts, 'inputTokens' | 'outputTokens' | 'cachedTokens' | 'answerTokens'>;

/**
 * For the log, the metrics and the caller's usage.
 * @param answerTokens the size of what came, for workers that do not report it
 */
export function recordUsage(facts: UsageFacts, usage: Usage | null, answerTokens: number): void {
  facts.answerTokens = answerTokens;
  if (usage === null) return;
  facts.inputTokens = usage.input;
  facts.outputTokens = usage.output;
  facts.cachedTokens = usage.cached ?? null;
}

/** The same of a whole answer. */
export function recordAnswer(facts: UsageFacts, { text, toolCalls, usage }: ChatAnswer): void {
  const characters =
    usage === null ? (text?.length ?? 0) + (toolCalls.length > 0 ? JSON.stringify(toolCalls).length : 0) : 0;
  recordUsage(facts, usage, usage?.output ?? characters / BYTES_PER_TOKEN);
}
