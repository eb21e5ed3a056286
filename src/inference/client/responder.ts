import type { FastifyReply } from 'fastify';
import type { CancelSignal } from '../../upstream/exchange.js';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import type { ChatAnswer, ChatEvent } from '../chat/chat.js';
import type { Attempt } from '../pipeline/attempt.js';
import type { InferenceRequest } from './inference-request.js';
import type { ResponseFormat } from './response-format.js';

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
  /** Whether the client was kept waiting by comments: only events may follow. */
  readonly hasHeld: boolean;
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
