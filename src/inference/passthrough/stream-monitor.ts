import type { Dialect, RawBody } from '../client/inference-request.js';
import { answersJson, errorsInEvents } from './error-in-success.js';
import { isClientFault } from '../chat/error-body.js';
import { openAiErrorEvent } from '../apis/openai/chat-completion.js';
import { anthropicErrorEvent } from '../apis/anthropic/anthropic-error.js';

const CHOICES = Buffer.from('"choices"');

/** Most servers write it with every chunk, and `null` until the last. */
const REASONS = [Buffer.from('"finish_reason":"'), Buffer.from('"finish_reason": "')] as const;
const WITH_REASONS: ReadonlySet<string> = new Set(['/chat/completions', '/completions']);

/** What a stream that is passed on turns out to be, by searches that cost next to nothing. */
export class StreamMonitor {
  readonly ends: StreamEnds;
  /** Its last event was there. */
  isEnded = false;
  /** It told of an error itself. */
  hasError = false;
  /** One of the worker's own. `null`: none. */
  failure: string | null = null;
  #isEmpty = true;
  #hasChoices = false;
  #hasReason = false;
  readonly #isJson: boolean;
  readonly #hasReasons: boolean;

  constructor(raw: RawBody | null) {
    const dialect: Dialect = raw?.dialect ?? 'openai';
    this.ends = STREAM_ENDS[dialect];
    this.#isJson = raw !== null && answersJson(raw.path);
    this.#hasReasons = dialect === 'openai' && WITH_REASONS.has(raw?.path ?? '');
  }

  /** Whole events. */
  scan(events: Buffer): void {
    if (events.length === 0) return;
    this.#isEmpty = false;
    this.isEnded ||= this.ends.isEnd(events);
    if (this.#hasReasons) {
      this.#hasChoices ||= events.includes(CHOICES);
      this.#hasReason ||= REASONS.some((reason) => events.includes(reason));
    }
    if (!this.#isJson) return;
    for (const error of errorsInEvents(events)) {
      this.hasError = true;
      if (!isClientFault(error)) this.failure ??= error.message;
    }
  }

  /** It ended in order, as far as HTTP is concerned, and is not complete all the same. */
  get isCutShort(): boolean {
    if (this.isEnded || this.hasError) return false;
    return (this.#isEmpty && this.#isJson) || (this.#hasChoices && !this.#hasReason);
  }
}

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
    error: openAiErrorEvent,
  },
  anthropic: {
    isEnd: (events) =>
      STOP_WORDS.some((word) => events.includes(word)) && STOP.test(events.toString('latin1')),
    isSure: true,
    error: anthropicErrorEvent,
  },
};
