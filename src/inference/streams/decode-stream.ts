import type { StreamEvent } from '../chat/chat.js';
import { ndjsonDecoder } from './ndjson-events.js';
import { sseDecoder } from './sse-events.js';
import type { StreamDecoder } from './stream-decoder.js';

/** What was declared, else what the content type says; a stream of lines where that says nothing. */
export function decodeStream(
  format: 'sse' | 'ndjson' | null,
  contentType: string | undefined,
  onEvent: (event: StreamEvent) => void,
): StreamDecoder {
  const isSse = format === null ? /^\s*text\/event-stream\b/i.test(contentType ?? '') : format === 'sse';
  return isSse ? sseDecoder(onEvent) : ndjsonDecoder(onEvent);
}
