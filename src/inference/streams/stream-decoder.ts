import { type AnswerHeaders, isEventStream } from '../../upstream/headers.js';
import { NeutralError } from '../../upstream/upstream-errors.js';
import type { StreamEvent } from '../chat/chat.js';
import { createParser } from 'eventsource-parser';

/** Of TextDecoder: a character that is cut in two waits for its rest. */
const STREAM = { stream: true };

/** By the declared format, else by the content type; lines of JSON by default. */
export function streamDecoder(
  format: 'sse' | 'ndjson' | null,
  headers: AnswerHeaders,
  onEvent: (event: StreamEvent) => void,
): StreamDecoder {
  const isSse = format === null ? isEventStream(headers) : format === 'sse';
  return isSse ? sseDecoder(onEvent) : ndjsonDecoder(onEvent);
}

/**
 * The longest event, in characters. Gemini sends a whole image in one event, in base64, which takes several MiB. Well below
 * MAX_RESPONSE_BYTES, as there are many streams at once.
 */
export const LONGEST_EVENT = 16 * 1024 * 1024;

/** Not a failure of the worker: it does what was requested. */
export function eventTooLong(longest: number): NeutralError {
  return new NeutralError(`an event of the stream is longer than ${longest} characters`);
}

/**
 * Server-sent events [WHATWG HTML, 9.2.6], wherever the bytes are cut. One difference: a last event without its empty line
 * counts, since many servers omit it.
 */
export function sseDecoder(onEvent: (event: StreamEvent) => void, longest = LONGEST_EVENT): StreamDecoder {
  const parser = createParser({ onEvent: ({ event, data }) => onEvent({ name: event, data }) });
  // The parser looks for a byte order mark in its first chunk; the decoder has removed it already.
  parser.feed('');
  const text = new TextDecoder();
  const lines = new LineEnds();
  const lengths = new EventLengths(longest);
  const feed = (piece: string): void => {
    const admitted = lengths.admit(piece);
    parser.feed(admitted === piece.length ? piece : piece.slice(0, admitted));
    if (admitted < piece.length) throw eventTooLong(longest);
  };
  return {
    push: (chunk) => feed(lines.asNewlines(text.decode(chunk, STREAM))),
    end: () => feed(`${lines.asNewlines(text.decode())}\n\n`),
  };
}

/** Turns LF, CR LF and CR into LF at once: the parser would wait for the character after a CR. */
class LineEnds {
  private afterCr = false;

  asNewlines(text: string): string {
    if (text === '') return text;
    const rest = this.afterCr && text.startsWith('\n') ? text.slice(1) : text;
    this.afterCr = text.endsWith('\r');
    return rest.includes('\r') ? rest.replaceAll(/\r\n?/g, '\n') : rest;
  }
}

/** Counts each event's characters, so that the limit is the same wherever the bytes are cut. */
class EventLengths {
  private line = 0;
  private lines = 0;

  constructor(private readonly longest: number) {}

  /** @returns the length that is accepted: all, or up to the event that is too long */
  admit(text: string): number {
    let eventFrom = 0;
    for (let from = 0; ;) {
      const end = text.indexOf('\n', from);
      this.line += (end === -1 ? text.length : end) - from;
      if (this.lines + this.line > this.longest) return eventFrom;
      if (end === -1) return text.length;
      from = end + 1;
      this.lines = this.line === 0 ? 0 : this.lines + this.line;
      if (this.line === 0) eventFrom = from;
      this.line = 0;
    }
  }
}

/**
 * Separators that occur between two JSON texts and never within one: line ends, and the NUL of FastChat's workers
 * [lm-sys/FastChat, fastchat/serve/model_worker.py].
 */
const SEPARATORS = /[\n\r\0]/;

/** One JSON text a line. Blank lines are skipped. */
export function ndjsonDecoder(onEvent: (event: StreamEvent) => void, longest = LONGEST_EVENT): StreamDecoder {
  const text = new TextDecoder();
  const pieces: string[] = [];
  let held = 0;
  const hold = (piece: string): void => {
    held += piece.length;
    if (held > longest) throw eventTooLong(longest);
    pieces.push(piece);
  };
  const release = (): void => {
    const data = pieces.join('');
    pieces.length = 0;
    held = 0;
    if (data.trim() !== '') onEvent({ data });
  };
  const take = (all: string): void => {
    const [first = '', ...others] = all.split(SEPARATORS);
    hold(first);
    for (const line of others) {
      release();
      hold(line);
    }
  };
  return {
    push: (chunk) => take(text.decode(chunk, STREAM)),
    end: () => take(`${text.decode()}\n`),
  };
}

/** Decodes bytes to events as they become complete. Unusable after an error. */
export interface StreamDecoder {
  /** @throws NeutralError for an event that is too long, and anything `onEvent` throws */
  push(chunk: Buffer): void;
  /** The stream ended in order: the rest is an event, too. */
  end(): void;
}
