import type { FastifyReply } from 'fastify';
import type { ResponseFormat } from '../client/response-format.js';
import { SseResponse } from './sse-response.js';
import { FailedWhileHeldError } from './stream-failure.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Answers an error as any other, in a stream that has begun with its event. */
    answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void;
  }
  interface FastifyRequest {
    /** Only of a stream whose client wants to be kept waiting by comments. */
    held: HeldStream | null;
  }
}

/** A comment is no event [WHATWG HTML, 9.2.7]. */
const WAITING = ': waiting for a worker\n\n';

/**
 * Keeps the client of a stream waiting behind a proxy that is less patient: while no answer begins, it gets status 200 after one
 * interval of heartbeats, and comments. They are no part of an answer: other workers may be tried all the same.
 */
export class HeldStream {
  private response: SseResponse | null = null;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly reply: FastifyReply,
    private readonly format: ResponseFormat,
  ) {
    this.timer = setTimeout(() => this.begin(), reply.server.streamHeartbeatMs).unref();
    reply.raw.once('close', () => clearTimeout(this.timer));
  }

  /** Whether the status is sent. */
  get hasBegun(): boolean {
    return this.response !== null;
  }

  /** Nothing begins here from now on, since an answer does. */
  stop(): void {
    clearTimeout(this.timer);
  }

  /** The stream in which the answer goes on; `null`: nothing is sent yet. */
  take(): SseResponse | null {
    const { response } = this;
    this.response = null;
    return response;
  }

  /** Ends the stream with the error event of the client's API, if it has begun and holds no answer. */
  fail(failure: FailedWhileHeldError['failure']): void {
    const response = this.take();
    response?.write(this.format.errorEvent(new FailedWhileHeldError(failure), this.reply.request.id));
    response?.end();
  }

  private begin(): void {
    const { reply } = this;
    if (reply.sent || reply.raw.destroyed) return;
    this.response = new SseResponse(reply, () => {});
    // From here on the stream has heartbeats of its own.
    this.response.comment(WAITING);
  }
}
