import { isEventStream, mediaType } from '../../upstream/headers.js';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import { beforeOutput } from '../../upstream/upstream-errors.js';
import { UpstreamAnswer } from '../../upstream/whole-answer.js';
import type { AnswerText, ChatEvent, EventReader } from '../chat/chat.js';
import { ProtocolError } from '../chat/chat-errors.js';
import { recordUsage } from '../client/token-counts.js';
import type { ResponseStream } from '../client/responder.js';
import type { InferenceRequest } from '../client/inference-request.js';
import { BYTES_PER_TOKEN } from '../../usage/used.js';
import { streamDecoder } from '../streams/stream-decoder.js';

/** How a worker's stream is read. */
interface StreamReading {
  readonly format: 'sse' | 'ndjson' | null;
  readonly reader: () => EventReader;
  readonly readWhole: ((answer: AnswerText) => readonly ChatEvent[]) | null;
}

/** How long to wait after the end marker for the usage: it follows at once, or never. */
const USAGE_WAIT_MS = 1_000;

/**
 * Reads an upstream's stream and writes its events to `sink`, at the client's pace. Resolves after the last event, or
 * after an end marker: some servers keep the connection open behind it.
 * @returns the answer's size in tokens
 * @throws UpstreamError when the answer failed; `sink` has received the error. FailedBeforeOutputError: before any output
 */
export async function relayStream(
  answer: OpenAnswer,
  reading: StreamReading,
  sink: ResponseStream,
  facts: InferenceRequest['facts'],
): Promise<number> {
  const reader = reading.reader();
  let hasRoom = true;
  let hasOutput = false;
  let isComplete = false;
  let tokens: number | null = null;
  let characters = 0;
  const write = (events: readonly ChatEvent[]): void => {
    for (const event of events) {
      if (event.kind === 'usage') {
        tokens = event.usage.output;
        recordUsage(facts, event.usage, event.usage.output);
      } else {
        hasOutput = true;
        if (event.kind === 'text' || event.kind === 'reasoning') characters += event.text.length;
        if (event.kind === 'tool_call') characters += event.arguments.length + (event.name?.length ?? 0);
        isComplete ||= event.kind === 'finish';
      }
      hasRoom = sink.event(event) && hasRoom;
    }
  };
  let usageTimer: NodeJS.Timeout | undefined;
  const decoder = streamDecoder(reading.format, answer.headers, (event) => {
    if (reader.stage !== 'over') write(reader.read(event));
  });
  const relay = async (): Promise<void> => {
    await answer.pipeTo({
      chunk: (chunk) => {
        hasRoom = true;
        decoder.push(chunk);
        if (reader.stage === 'over') answer.finishEarly();
        if (reader.stage === 'counting') usageTimer ??= setTimeout(() => answer.finishEarly(), USAGE_WAIT_MS);
        return hasRoom;
      },
    });
    if (reader.stage !== 'over') decoder.end();
    write(reader.end());
  };
  try {
    const { readWhole } = reading;
    if (readWhole !== null && isWholeInstead(answer)) write(await readWholeInstead(answer, readWhole));
    else await relay();
  } catch (error) {
    // After `finish` nothing can be missing but the usage.
    if (!isComplete) {
      sink.fail(error);
      throw hasOutput ? error : beforeOutput(error);
    }
  } finally {
    clearTimeout(usageTimer);
    facts.answerTokens = tokens ?? characters / BYTES_PER_TOKEN;
  }
  sink.end();
  return tokens ?? characters / BYTES_PER_TOKEN;
}

/** JSON and HTML begin so, and no event of a stream does [WHATWG HTML, 9.2.6]. */
const WHOLE_START = /^\s*[{[<]/;
const WHOLE_TYPES = /^(application\/([\w.-]+\+)?json|text\/html)$/;

/** Whether a whole answer came though a stream was requested: by its first bytes, since some streams have a wrong type. */
export function isWholeInstead({ headers, firstBytes }: Pick<OpenAnswer, 'headers' | 'firstBytes'>): boolean {
  if (isEventStream(headers)) return false;
  return firstBytes === undefined || headers['content-encoding'] !== undefined
    ? WHOLE_TYPES.test(mediaType(headers))
    : WHOLE_START.test(firstBytes.subarray(0, 64).toString('latin1'));
}

/** @throws ProtocolError that names what came; UpstreamError, too_large beyond MAX_RESPONSE_BYTES too */
async function readWholeInstead(
  answer: OpenAnswer,
  read: (answer: AnswerText) => readonly ChatEvent[],
): Promise<readonly ChatEvent[]> {
  const { status, headers } = answer;
  const whole = new UpstreamAnswer(status, headers, await answer.readAll());
  try {
    return read(whole);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const type = String(headers['content-type'] ?? 'no type').slice(0, 100);
    throw new ProtocolError(`a stream was requested, and ${type} came: ${error.message}`, { cause: error });
  }
}
