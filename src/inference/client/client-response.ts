import type { FastifyReply } from 'fastify';
import { detailOf, errorTypeOf, FAILED, mayClientRetry } from '../../upstream/failure.js';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import { type Exposed, UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import type { ChatAnswer } from '../chat/chat.js';
import { eventsOf } from '../chat/tool-calls.js';
import { imagesInAnswer } from '../passthrough/image-counter.js';
import type { Attempt } from '../pipeline/attempt.js';
import { showExplanation } from '../pipeline/explanation.js';
import { HeldStream } from '../streams/held-stream.js';
import { SseResponse } from '../streams/sse-response.js';
import { holdUntilSent } from '../streams/unsent-bytes.js';
import { UnsupportedFieldError } from '../../input/input-errors.js';
import { recordAnswer } from './token-counts.js';
import { type FieldNames, fieldFor, wordsFor } from './field-names.js';
import type { InferenceRequest } from './inference-request.js';
import { ClientDisconnect } from './client-disconnect.js';
import type { PassedStream, Responder, ResponseStream } from './responder.js';
import type { Rejection, ResponseFormat, ResponseHead } from './response-format.js';
import { copyHeaders, setRetryAfter, showClass, showIgnored, showWait } from './response-headers.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/** The response to one client: whole, streamed, passed through unchanged, or a rejection. */
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
    showClass(http, request.priority);
    http.request.held = request.wantsHold === true && this.wantsStream ? new HeldStream(http, format) : null;
  }

  get wantsStream(): boolean {
    return this.request.stream && this.format.stream !== undefined;
  }

  get hasHeld(): boolean {
    return this.http.request.held?.hasBegun === true;
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
    const response = SseResponse.of(this.commit(attempt, false), resume);
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
    http.request.held?.stop();
    const { model, upstreamMs } = attempt;
    const { facts } = http.request;
    facts.upstreamMs = upstreamMs;
    // A name may hold characters that a header cannot.
    if (model !== request.model) http.header('x-mmm-model', encodeURI(model));
    http.header('x-mmm-worker-id', attempt.workerId).header('x-mmm-attempts', attempt.number);
    if (facts.ignored !== null && facts.ignored.length > 0) showIgnored(http, facts.ignored);
    showWait(http, request.priority, facts);
    if (!isWhole) return http;
    if (request.explanation !== null) showExplanation(http);
    return http
      .header('x-mmm-upstream-ms', upstreamMs.toFixed(1))
      .header('x-mmm-overhead-ms', Math.max(0, performance.now() - facts.startedMs - upstreamMs).toFixed(1));
  }

  /**
   * Sends a worker's rejection, as far as the client may see it. @returns false: the client may not
   * @throws UnsupportedFieldError with the name of the field that the client has sent
   */
  reject(error: unknown): boolean {
    const { fieldNames } = this.format;
    if (error instanceof UnsupportedFieldError && fieldNames !== undefined) {
      const { field, problem } = error;
      const named = new UnsupportedFieldError(fieldFor(fieldNames, field), wordsFor(fieldNames, problem));
      if (this.rejectHeld(named)) return true;
      throw named;
    }
    if (!(error instanceof UpstreamRejectedError) || error.exposed === null) return this.rejectHeld(error);
    const { exposed, retryAfterMs, failure } = error;
    const { http, request, format } = this;
    const rejection = rejectionFor(error, exposed, fieldNames);
    const body = exposed.bytes ?? format.rejection?.(rejection, request.id) ?? null;
    if (body === null) return this.rejectHeld(error);
    this.committed = true;
    const { facts } = http.request;
    facts.errorType = failure.errorType;
    facts.isRejected = failure.verdict === 'client_fault';
    if (this.hasHeld) {
      http.request.held?.fail(rejection);
      return true;
    }
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

  /** Fastify hands on no error of a response that has begun. @returns false: it has not */
  private rejectHeld(error: unknown): boolean {
    if (!this.hasHeld) return false;
    this.committed = true;
    this.http.server.answerError(error, this.http.request, this.http);
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
