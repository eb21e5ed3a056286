import type { ChatAnswer, ChatEvent } from '../../chat/chat.js';
import type { ResponseFormat, ResponseHead, StreamWriter } from '../../client/client-response.js';
import { anthropicError, anthropicErrorEvent } from './anthropic-error.js';
import { AnthropicEventWriter } from './event-writer.js';
import { anthropicMessage } from './message.js';

/** The responses of `POST /v1/messages`: a message or its events. */
export const ANTHROPIC_FORMAT: ResponseFormat = {
  whole: (answer: ChatAnswer, head: ResponseHead) => JSON.stringify(anthropicMessage(answer, named(head))),
  stream: (head: ResponseHead): StreamWriter => {
    const writer = new AnthropicEventWriter(named(head));
    return {
      event: (event: ChatEvent) => writer.write(event),
      end: () => writer.end(),
    };
  },
  errorEvent: anthropicErrorEvent,
  rejection: (status, message, requestId) => JSON.stringify(anthropicError(status, message, requestId)),
};

function named({ id, model }: ResponseHead): { readonly id: string; readonly model: string } {
  return { id: `msg_${id}`, model };
}
