import type { Fields } from '../../../input/json.js';
import type { ChatAnswer } from '../../chat/chat.js';
import { endsResponse } from '../../passthrough/stream-monitor.js';
import type { ResponseFormat, ResponseHead, StreamWriter } from '../../client/response-format.js';
import { RESPONSES_FIELDS, wordsFor } from '../../client/field-names.js';
import { streamFailureOf } from '../../streams/stream-failure.js';
import { OpenAiFormat } from '../openai/client-response.js';
import { type FailureCode, ResponsesEventWriter } from './event-writer.js';
import { wantsThinking } from './kept-thinking.js';
import { failedEvent } from './passed-events.js';
import { echoOf, responseOf, wholeResponse } from './response-object.js';

/** `/responses`: a response or its events. One for each request, because the event of a failure goes on with its numbers. */
export class ResponsesFormat extends OpenAiFormat implements ResponseFormat {
  readonly fieldNames = RESPONSES_FIELDS;
  private writer: ResponsesEventWriter | null = null;
  /** Of a stream that is passed through. */
  private first: Buffer | null = null;
  private last: Buffer | null = null;

  constructor(
    private readonly model: string,
    private readonly body: () => Fields,
    private readonly keep: (events: Buffer) => void,
  ) {
    super();
  }

  whole(answer: ChatAnswer, head: ResponseHead): string {
    const body = this.body();
    return JSON.stringify(wholeResponse(head, echoOf(body), answer, wantsThinking(body)));
  }

  stream(head: ResponseHead): StreamWriter {
    const body = this.body();
    this.writer = new ResponsesEventWriter(head, echoOf(body), wantsThinking(body));
    return this.writer;
  }

  passed(events: Buffer): void {
    if (this.first === null || endsResponse(events)) this.keep(events);
    this.first ??= events;
    this.last = events;
  }

  override errorEvent(error: unknown, requestId: string): string {
    const failure = streamFailureOf(error);
    const message = wordsFor(RESPONSES_FIELDS, failure.message);
    const code = codeOf(failure.status);
    if (this.writer !== null) return this.writer.failed(message, code);
    const head = { id: requestId, created: Math.floor(Date.now() / 1000), model: this.model };
    return failedEvent(this.first, this.last, responseOf(head, echoOf({}), 'failed', []), { code, message });
  }
}

function codeOf(status: number): FailureCode {
  if (status === 429) return 'rate_limit_exceeded';
  return status < 500 ? 'invalid_prompt' : 'server_error';
}
