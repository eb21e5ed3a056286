import type { FastifyReply } from 'fastify';
import { setResponseHeaders } from '../../client/client-response.js';
import type { ChatAnswer } from '../../chat/chat.js';
import type { InferenceRequest } from '../../client/inference-request.js';
import { eventsOf } from '../../chat/tool-calls.js';
import { anthropicError, anthropicErrorEvent } from './anthropic-error.js';
import { AnthropicEventWriter } from './event-writer.js';
import { anthropicMessage } from './message.js';
import { errorTypeOf } from '../../../upstream/failure.js';
import type { UpstreamRejectedError } from '../../../upstream/upstream-errors.js';
import { setRejectionHeaders } from '../../client/client-response.js';
import type { AttemptFacts, ResponseStream, ClientResponse } from '../../client/client-response.js';
import { SseResponse } from '../../streams/sse-response.js';

/** Anthropic's answer to `POST /v1/messages`: a message, or its events. */
export class AnthropicResponse implements ClientResponse {
  committed = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  get wantsStream(): boolean {
    return this.request.stream;
  }

  send(answer: ChatAnswer, facts: AttemptFacts): void {
    if (!this.wantsStream) {
      this.committed = true;
      setResponseHeaders(this.http, this.request, facts, true).type('application/json; charset=utf-8');
      this.http.send(JSON.stringify(anthropicMessage(answer, this.head(facts))));
      return;
    }
    const pieces = this.startStream(facts, () => {});
    for (const event of eventsOf(answer)) pieces.event(event);
    pieces.end();
  }

  startStream(facts: AttemptFacts, resume: () => void): ResponseStream {
    this.committed = true;
    const response = new SseResponse(setResponseHeaders(this.http, this.request, facts, false), resume);
    const writer = new AnthropicEventWriter(this.head(facts));
    return {
      event: (event) => response.write(writer.write(event)),
      end: () => {
        response.write(writer.end());
        response.end();
      },
      fail: (error) => {
        this.http.request.facts.errorType = errorTypeOf(error);
        response.write(anthropicErrorEvent(error, this.request.id));
        response.end();
      },
    };
  }

  reject(error: UpstreamRejectedError, message: string): boolean {
    this.committed = true;
    const body = anthropicError(error.status, message, this.request.id);
    setRejectionHeaders(this.http, error).send(JSON.stringify(body));
    return true;
  }

  private head({ model }: AttemptFacts): { readonly id: string; readonly model: string } {
    return { id: `msg_${this.request.id}`, model };
  }
}
