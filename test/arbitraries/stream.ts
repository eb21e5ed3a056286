import * as fc from 'fast-check';
import type { StreamEvent } from '../../src/inference/chat/chat.js';
import type { StreamDecoder } from '../../src/inference/streams/stream-decoder.js';

/** Text of a line: characters of one to four bytes, and text that looks like the format itself. */
export const lineText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(' ', ':', 'data', 'a', '{', '"', '\uFEFF', '\uFFFD', '\u2028', '\u0085'),
    fc.constantFrom('é', '語', '😀', 'ï', '»', '¿'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).map((text) => text.replace(/[\n\r\0]/g, '-')),
  ),
  maxLength: 12,
});

export const lineEnd = fc.constantFrom('\n', '\r\n', '\r');

/** The unchanged bytes, cut anywhere, including single bytes and empty pieces. */
export function piecesOf(bytes: Buffer): fc.Arbitrary<readonly Buffer[]> {
  const cuts = fc.oneof(
    fc.array(fc.nat(bytes.length), { maxLength: 20 }),
    fc.constant(Array.from(bytes, (_byte, at) => at)),
  );
  return cuts.map((places) => {
    const ends = [...places.toSorted((a, b) => a - b), bytes.length];
    return ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
  });
}

/** The decoded events, and the error that is thrown. */
export function decoded(
  decoderOf: (onEvent: (event: StreamEvent) => void) => StreamDecoder,
  pieces: readonly Buffer[],
): { readonly events: readonly StreamEvent[]; readonly error: unknown } {
  const events: StreamEvent[] = [];
  const decoder = decoderOf((event) => void events.push({ name: event.name, data: event.data }));
  try {
    for (const piece of pieces) decoder.push(piece);
    decoder.end();
    return { events, error: null };
  } catch (error) {
    return { events, error };
  }
}
