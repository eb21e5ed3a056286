import type { Dialect, RawBody } from '../request/inference-request.js';
import { answersJson, errorsAmong } from './no-answer.js';
import { STREAM_ENDS, type StreamEnds } from './stream-ends.js';
import { isCallers } from './told-error.js';

const CHOICES = Buffer.from('"choices"');
/** Most servers write it with every chunk, and `null` until the last. */
const REASONS = [Buffer.from('"finish_reason":"'), Buffer.from('"finish_reason": "')] as const;
const WITH_REASONS: ReadonlySet<string> = new Set(['/chat/completions', '/completions']);

/** What a stream that is passed on turns out to be, by searches that cost next to nothing. */
export class StreamWatch {
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
  see(events: Buffer): void {
    if (events.length === 0) return;
    this.#isEmpty = false;
    this.isEnded ||= this.ends.isEnd(events);
    if (this.#hasReasons) {
      this.#hasChoices ||= events.includes(CHOICES);
      this.#hasReason ||= REASONS.some((reason) => events.includes(reason));
    }
    if (!this.#isJson) return;
    for (const error of errorsAmong(events)) {
      this.hasError = true;
      if (!isCallers(error)) this.failure ??= error.message;
    }
  }

  /** It ended in order, as far as HTTP is concerned, and is not complete all the same. */
  get isCutShort(): boolean {
    if (this.isEnded || this.hasError) return false;
    return (this.#isEmpty && this.#isJson) || (this.#hasChoices && !this.#hasReason);
  }
}
