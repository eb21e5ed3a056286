import { isJsonObject, parsedOrUndefined } from '../../input/json.js';
import { isEventStream } from '../../upstream/headers.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import type { ChatAnswer, ChatEvent, EventReader, StreamReader } from '../chat/chat.js';
import { ProtocolError } from '../chat/chat-errors.js';
import { AnswerCollector } from '../pipeline/answer-collector.js';
import { sseDecoder } from './stream-decoder.js';

/** Some servers give events another type. JSON never begins so. */
const EVENTS = /^\s*(?:event: ?\w+\r?\n|data: ?[{[])/;

/** Whether a stream of events came though a whole answer was requested. */
export function isUnrequestedStream({ headers, bytes }: UpstreamAnswer): boolean {
  return isEventStream(headers) || EVENTS.test(bytes.subarray(0, 100).toString('latin1'));
}

/** The response in the last event of a stream of `/responses`; `null`: it was cut off. */
export function responseIn(text: string): string | null {
  let last: unknown = null;
  const decoder = sseDecoder(({ data }) => {
    const event = parsedOrUndefined(data);
    if (isJsonObject(event) && LAST_EVENTS.has(event['type'])) last = event['response'];
  });
  decoder.push(Buffer.from(text));
  decoder.end();
  return isJsonObject(last) ? JSON.stringify(last) : null;
}

const LAST_EVENTS: ReadonlySet<unknown> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
]);

/** The events of such a stream, put together into one answer. @throws ProtocolError */
export function collectStream(text: string, reader: EventReader): ChatAnswer {
  const collector = new AnswerCollector();
  const collect = (events: readonly ChatEvent[]): void => {
    for (const event of events) collector.event(event);
  };
  const decoder = sseDecoder((event) => {
    if (reader.stage !== 'over') collect(reader.read(event));
  });
  decoder.push(Buffer.from(text));
  decoder.end();
  collect(reader.end());
  return collector.answer;
}

/** A stream that ends without a finish reason was cut off. */
export function finishing(reader: StreamReader): EventReader {
  let isFinished = false;
  return {
    get stage() {
      return reader.stage?.() ?? 'open';
    },
    read: (event) => {
      const events = reader(event);
      isFinished ||= events.some(({ kind }) => kind === 'finish');
      return events;
    },
    end: () => {
      const last = reader.end?.() ?? [];
      if (isFinished || last.some(({ kind }) => kind === 'finish')) return last;
      throw new ProtocolError('the stream ended in the middle of the answer');
    },
  };
}
