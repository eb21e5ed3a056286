import type { FastifyReply } from 'fastify';
import { tell } from '../replies/answer-headers.js';
import type { ChatAnswer } from '../chat/chat.js';
import type { InferenceRequest } from '../request/inference-request.js';
import { eventsOf } from '../openai/chat-completion.js';
import { anthropicError, anthropicErrorEvent } from '../protocols/anthropic/anthropic-error.js';
import { AnthropicEventWriter } from '../protocols/anthropic/anthropic-event-writer.js';
import { anthropicMessage } from '../protocols/anthropic/anthropic-message.js';
import type { RefusedError } from '../walk/refused-error.js';
import { refused } from '../replies/refused.js';
import type { AnswerFacts, AnswerPieces, Reply } from '../replies/reply.js';
import { SseResponse } from '../streams/sse-response.js';

/** Anthropic's answer to `POST /v1/messages`: a message, or its events. */
export class AnthropicReply implements Reply {
  hasBegun = false;

  constructor(
    private readonly http: FastifyReply,
    private readonly request: InferenceRequest,
  ) {}

  get isStream(): boolean {
    return this.request.stream;
  }

  relay(answer: ChatAnswer, facts: AnswerFacts): void {
    if (!this.isStream) {
      this.hasBegun = true;
      tell(this.http, this.request, facts, true).type('application/json; charset=utf-8');
      this.http.send(JSON.stringify(anthropicMessage(answer, this.head(facts))));
      return;
    }
    const pieces = this.begin(facts, () => {});
    for (const event of eventsOf(answer)) pieces.event(event);
    pieces.end();
  }

  begin(facts: AnswerFacts, resume: () => void): AnswerPieces {
    this.hasBegun = true;
    const response = new SseResponse(tell(this.http, this.request, facts, false), resume);
    const writer = new AnthropicEventWriter(this.head(facts));
    return {
      event: (event) => response.write(writer.write(event)),
      end: () => {
        response.write(writer.end());
        response.end();
      },
      fail: (error) => {
        this.http.request.facts.errorType = 'worker_bad_answer';
        response.write(anthropicErrorEvent(error, this.request.id));
        response.end();
      },
    };
  }

  refuse(error: RefusedError): boolean {
    this.hasBegun = true;
    const body = anthropicError(error.status, error.said, this.request.id);
    refused(this.http, error).send(JSON.stringify(body));
    return true;
  }

  private head({ model }: AnswerFacts): { readonly id: string; readonly model: string } {
    return { id: `msg_${this.request.id}`, model };
  }
}
