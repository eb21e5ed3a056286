import type { Dialect, RawBody } from '../client/inference-request.js';
import type { EventMarks } from './event-marks.js';
import { answersJson, errorsInEvents } from './error-in-success.js';
import type { UpstreamError } from '../../upstream/failure.js';
import { isClientFault, reported } from '../chat/answer-body.js';

const CHOICES = Buffer.from('"choices"');

/** Most servers write it in every chunk, and `null` until the last. */
const REASONS = [Buffer.from('"finish_reason":"'), Buffer.from('"finish_reason": "')] as const;
const WITH_REASONS: ReadonlySet<string> = new Set(['/chat/completions', '/completions']);

/** Watches a stream that passes through for its end and for errors, by searches that cost next to nothing. */
export class StreamMonitor {
  readonly ends: StreamEnds;
  /** The last event has come. */
  isEnded = false;
  /** The stream has reported an error. */
  hasError = false;
  /** An error that is the worker's fault, as if it had come with the status of its type; `null`: none. */
  failure: UpstreamError | null = null;
  #isEmpty = true;
  #hasChoices = false;
  #hasReason = false;
  readonly #isJson: boolean;
  readonly #hasReasons: boolean;

  constructor({ dialect, path }: Pick<RawBody, 'dialect' | 'path'>) {
    this.ends = dialect === 'openai' && path === '/responses' ? RESPONSE_ENDS : STREAM_ENDS[dialect];
    this.#isJson = answersJson(path);
    this.#hasReasons = dialect === 'openai' && WITH_REASONS.has(path);
  }

  /** @param events whole ones @param marks of `marksIn`; `null`: everything is searched for */
  scan(events: Buffer, marks: EventMarks | null = null): void {
    if (events.length === 0) return;
    this.#isEmpty = false;
    this.isEnded ||= (marks?.hasEnd !== false || this.ends.isAtEnd) && this.ends.isEnd(events);
    if (this.#hasReasons) {
      this.#hasChoices ||= marks?.hasChoices !== false && events.includes(CHOICES);
      this.#hasReason ||= marks?.hasReason !== false && REASONS.some((reason) => events.includes(reason));
    }
    if (!this.#isJson || marks?.hasError === false) return;
    for (const error of errorsInEvents(events)) {
      this.hasError = true;
      if (!isClientFault(error))
        this.failure ??= reported(error, `the stream reported an error: ${error.message}`);
    }
  }

  /** HTTP ended in order, and the answer is incomplete all the same. */
  get isCutShort(): boolean {
    if (this.isEnded || this.hasError) return false;
    return (this.#isEmpty && this.#isJson) || (this.#hasChoices && !this.#hasReason);
  }
}

/** How the streams of an API end. */
export interface StreamEnds {
  /** Whether the end of an answer is among these whole events. */
  isEnd(events: Buffer): boolean;
  /** The end is the last that comes, and no mark of `marksIn`. */
  readonly isAtEnd: boolean;
  /** Every stream has an end: one without it was cut off, even if HTTP ended in order. */
  readonly isSure: boolean;
}

/** OpenAI's last event; some of its streams, and many servers, send none. */
const DONE = /(^|[\r\n])data: ?\[DONE\][ \r\n]*$/;
const DONE_LENGTH = 32;
const [SPACE, BRACKET] = [0x20, 0x5d] as const;

/**
 * Anthropic's last event, or its report of an error. Text cannot contain it, since JSON has no line breaks.
 * https://platform.claude.com/docs/en/build-with-claude/streaming
 */
const STOP = /(^|[\r\n])(event: ?(message_stop|error)[\r\n]|data: ?\{"type": ?"(message_stop|error)")/;
const STOP_WORDS = ['message_stop', 'error'] as const;

export const STREAM_ENDS: Readonly<Record<Dialect, StreamEnds>> = {
  openai: {
    isEnd: (events) => {
      if (!endsWithBracket(events)) return false;
      const tail = events.subarray(-DONE_LENGTH);
      return tail.includes('[DONE]') && DONE.test(tail.toString('latin1'));
    },
    isAtEnd: true,
    isSure: false,
  },
  anthropic: {
    isEnd: (events) =>
      STOP_WORDS.some((word) => events.includes(word)) && STOP.test(events.toString('latin1')),
    isAtEnd: false,
    isSure: true,
  },
};

/** Most chunks end with a brace. */
function endsWithBracket(events: Buffer): boolean {
  let at = events.length - 1;
  while (at >= 0 && (events[at] ?? Infinity) <= SPACE) at--;
  return events[at] === BRACKET;
}

/**
 * The last events of OpenAI's responses, which every server sends that has them. Text cannot contain such a word with its quotes.
 * https://platform.openai.com/docs/api-reference/responses-streaming
 */
const RESPONSE_DONE = ['"response.completed"', '"response.incomplete"', '"response.failed"'] as const;

export function endsResponse(events: Buffer): boolean {
  return RESPONSE_DONE.some((type) => events.includes(type));
}

const RESPONSE_ENDS: StreamEnds = { isEnd: endsResponse, isAtEnd: false, isSure: true };
