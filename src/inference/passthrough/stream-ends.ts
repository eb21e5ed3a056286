import type { Dialect } from '../request/inference-request.js';
import { anthropicErrorEvent } from '../protocols/anthropic/anthropic-error.js';
import { errorEvent } from '../openai/error-event.js';

/** How the streams of an API end, and what stands there instead of the end of one that broke. */
export interface StreamEnds {
  /** Whether the end of an answer is among these events, which are whole. */
  isEnd(events: Buffer): boolean;
  /** Every stream has one: what ends without it was cut off, even if HTTP says that it ended in order. */
  readonly isSure: boolean;
  /** A client must not take it for the end. */
  error(error: unknown, requestId: string): string;
}

/** Of OpenAI's, as the last event of what was passed on; some of its streams, and many servers, have none. */
const DONE = /(^|[\r\n])data: ?\[DONE\][ \r\n]*$/;
const DONE_LENGTH = 32;

/**
 * Of Anthropic's: the last event of an answer, or what the upstream itself says of one that broke. Text can't hold it,
 * since there is no line break in JSON. https://platform.claude.com/docs/en/build-with-claude/streaming
 */
const STOP = /(^|[\r\n])(event: ?(message_stop|error)[\r\n]|data: ?\{"type": ?"(message_stop|error)")/;
const STOP_WORDS = ['message_stop', 'error'] as const;

export const STREAM_ENDS: Readonly<Record<Dialect, StreamEnds>> = {
  openai: {
    isEnd: (events) => {
      const tail = events.subarray(-DONE_LENGTH);
      return tail.includes('[DONE]') && DONE.test(tail.toString('latin1'));
    },
    isSure: false,
    error: errorEvent,
  },
  anthropic: {
    isEnd: (events) =>
      STOP_WORDS.some((word) => events.includes(word)) && STOP.test(events.toString('latin1')),
    isSure: true,
    error: anthropicErrorEvent,
  },
};
