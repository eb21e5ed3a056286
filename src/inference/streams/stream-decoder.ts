import { StringDecoder } from 'string_decoder';
import { NeutralError } from '../../upstream/upstream-errors.js';
import type { StreamEvent } from '../chat/chat.js';
import { createParser } from 'eventsource-parser';

/** What was declared, else what the content type says; a stream of lines where that says nothing. */
export function streamDecoder(
  format: 'sse' | 'ndjson' | null,
  contentType: string | undefined,
  onEvent: (event: StreamEvent) => void,
): StreamDecoder {
  const isSse = format === null ? /^\s*text\/event-stream\b/i.test(contentType ?? '') : format === 'sse';
  return isSse ? sseDecoder(onEvent) : ndjsonDecoder(onEvent);
}

/**
 * Of one event, in characters: what a stream may make us keep. Gemini sends an image whole in one event, in base64, which
 * takes several MiB. Well below MAX_RESPONSE_BYTES, as there are many streams at once.
 */
export const LONGEST_EVENT = 16 * 1024 * 1024;

/** Of a worker that is well: it does what it was asked. */
export function eventTooLong(longest: number): NeutralError {
  return new NeutralError(`an event of the stream is longer than ${longest} characters`);
}

const BYTE_ORDER_MARK = '\uFEFF';

/** UTF-8 that comes in pieces, as text without its byte order mark; a character cut in two waits for its rest. */
export class Utf8Text {
  private readonly decoder = new StringDecoder('utf8');
  private begun = false;

  write(chunk: Buffer): string {
    return this.withoutMark(this.decoder.write(chunk));
  }

  /** What never became whole, as U+FFFD. */
  end(): string {
    return this.withoutMark(this.decoder.end());
  }

  private withoutMark(text: string): string {
    if (this.begun || text === '') return text;
    this.begun = true;
    return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  }
}

/**
 * Server-sent events [WHATWG HTML, 9.2.6], wherever the bytes are cut. One difference: an event that the end of the stream
 * leaves without its empty line counts, since many servers never send the last one.
 */
export function sseDecoder(onEvent: (event: StreamEvent) => void, longest = LONGEST_EVENT): StreamDecoder {
  const parser = createParser({ onEvent: ({ event, data }) => onEvent({ name: event, data }) });
  // The parser looks for a byte order mark in its first piece, which then is not one of ours.
  parser.feed('');
  const text = new Utf8Text();
  const lines = new LineEnds();
  const lengths = new EventLengths(longest);
  const feed = (piece: string): void => {
    const admitted = lengths.admit(piece);
    parser.feed(admitted === piece.length ? piece : piece.slice(0, admitted));
    if (admitted < piece.length) throw eventTooLong(longest);
  };
  return {
    push: (chunk) => feed(lines.asNewlines(text.write(chunk))),
    end: () => feed(`${lines.asNewlines(text.end())}\n\n`),
  };
}

/** LF, CR LF and CR all become LF at once: the parser would wait for what follows a CR. */
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

  /** @returns how much of it may go on: all, or up to the event that is too long */
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
 * What may stand between two JSON texts and never within one: line ends, and the NUL of FastChat's workers
 * [lm-sys/FastChat, fastchat/serve/model_worker.py].
 */
const SEPARATORS = /[\n\r\0]/;

/** One JSON text a line. Lines without anything in them are skipped. */
export function ndjsonDecoder(onEvent: (event: StreamEvent) => void, longest = LONGEST_EVENT): StreamDecoder {
  const text = new Utf8Text();
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
    push: (chunk) => take(text.write(chunk)),
    end: () => take(`${text.end()}\n`),
  };
}

/** Bytes in, events out, as they become whole. After an error it is spent. */
export interface StreamDecoder {
  /** @throws UnjudgedError an event that is too long; and what `onEvent` throws */
  push(chunk: Buffer): void;
  /** The stream ended in order: what is left is an event, too. */
  end(): void;
}
