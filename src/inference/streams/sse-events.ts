import { createParser } from 'eventsource-parser';
import type { StreamEvent } from '../chat/chat.js';
import { eventTooLong, LONGEST_EVENT } from './largest-event.js';
import type { StreamDecoder } from './stream-decoder.js';
import { Utf8Text } from './utf8-text.js';

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
