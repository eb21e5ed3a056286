import type { StreamEvent } from '../chat/chat.js';
import { eventTooLong, LONGEST_EVENT } from './largest-event.js';
import type { StreamDecoder } from './stream-decoder.js';
import { Utf8Text } from './utf8-text.js';

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
