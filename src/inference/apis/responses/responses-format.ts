import type { Fields } from '../../../input/json.js';
import type { ChatAnswer } from '../../chat/chat.js';
import type { ResponseFormat, ResponseHead, StreamWriter } from '../../client/client-response.js';
import { OpenAiFormat } from '../openai/client-response.js';
import { ResponsesEventWriter } from './event-writer.js';
import { echoOf, wholeResponse } from './response-object.js';

/** `/responses`: a response or its events. One for each request, because the event of a failure goes on with its numbers. */
export class ResponsesFormat extends OpenAiFormat implements ResponseFormat {
  private writer: ResponsesEventWriter | null = null;

  constructor(private readonly body: () => Fields) {
    super();
  }

  whole(answer: ChatAnswer, head: ResponseHead): string {
    return JSON.stringify(wholeResponse(head, echoOf(this.body()), answer));
  }

  stream(head: ResponseHead): StreamWriter {
    this.writer = new ResponsesEventWriter(head, echoOf(this.body()));
    return this.writer;
  }

  override errorEvent(error: unknown): string {
    if (this.writer === null) return super.errorEvent(error);
    return this.writer.failed(error instanceof Error ? error.message : String(error));
  }
}
