import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decoded, lineEnd, lineText, piecesOf } from '../../../test/arbitraries/stream.js';
import { NeutralError } from '../../upstream/upstream-errors.js';
import { sseDecoder } from './stream-decoder.js';

/** A smaller limit than the real one, to keep the test fast. */
const LONGEST = 64 * 1024;
const bounded: typeof sseDecoder = (onEvent) => sseDecoder(onEvent, LONGEST);

/** An event as a server writes it: its name, its data line by line, and lines that a reader must ignore. */
const written = fc.record({
  name: fc.option(
    lineText.filter((text) => text !== '' && !text.startsWith(' ')),
    { nil: undefined },
  ),
  data: fc.array(lineText, { minLength: 1, maxLength: 3 }),
  noise: fc.constantFrom(': still here', ':', 'id: 7', 'retry: 100', 'unknown: x', 'unknown'),
  space: fc.constantFrom('', ' '),
});
type Written = typeof written extends fc.Arbitrary<infer T> ? T : never;

function linesOf({ name, data, noise, space }: Written): readonly string[] {
  const named = name === undefined ? [] : [`event: ${name}`];
  // The first space after the colon is not part of the text.
  const dataLines = data.map((line) => `data:${line.startsWith(' ') ? ' ' : space}${line}`);
  return [noise, ...named, ...dataLines, ''];
}

const runs = { numRuns: 500 };

const stream = fc
  .record({
    events: fc.array(written, { maxLength: 5 }),
    end: lineEnd,
    mark: fc.constantFrom('', '\uFEFF'),
    lastLines: fc.constantFrom(0, 1, 2),
  })
  .map(({ events, end, mark, lastLines }) => {
    const lines = events.flatMap(linesOf);
    // Some servers omit the empty line after the last event, or even the end of its last line.
    const text = lines.map((line) => line + end).join('');
    return {
      bytes: Buffer.from(mark + text.slice(0, text.length - Math.min(lastLines * end.length, text.length))),
      events: events.map(({ name, data }) => ({ name, data: data.join('\n') })),
    };
  });

describe('server-sent events', () => {
  it('are decoded as they were written, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(
        stream.chain(({ bytes, events }) => piecesOf(bytes).map((pieces) => ({ pieces, events }))),
        ({ pieces, events }) => {
          expect(decoded(sseDecoder, pieces)).toStrictEqual({ events, error: null });
        },
      ),
      runs,
    );
  });

  it('give the same result for any bytes, cut or not, and never throw', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
      fc
        .array(fc.oneof(lineEnd, lineText, fc.constantFrom('data', 'data:', 'event: x', ':', '\0')), {
          maxLength: 12,
        })
        .map((texts) => Buffer.from(texts.join(''))),
    );
    fc.assert(
      fc.property(
        bytes.chain((whole) => piecesOf(whole).map((pieces) => ({ whole, pieces }))),
        ({ whole, pieces }) => {
          const cut = decoded(sseDecoder, pieces);
          expect(cut).toStrictEqual(decoded(sseDecoder, [whole]));
          expect(cut.error).toBeNull();
        },
      ),
      runs,
    );
  });

  it('have a limit: the same event is too long however it is cut, and earlier events are decoded', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(LONGEST + 300), (more, at) => {
        const length = LONGEST - 100 + more;
        const long = `data:${'x'.repeat(length - 'data:'.length)}`;
        const bytes = Buffer.from(`data: before\n\n${long}\n\ndata: after\n\n`);
        for (const pieces of [[bytes], [bytes.subarray(0, at), bytes.subarray(at)]]) {
          const { events, error } = decoded(bounded, pieces);
          const isTooLong = length > LONGEST;
          expect(error instanceof NeutralError).toBe(isTooLong);
          expect(events.map(({ data }) => data.length)).toEqual(isTooLong ? [6] : [6, length - 5, 5]);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('have a limit even if no event ever ends', () => {
    const line = Buffer.from(`data: ${'x'.repeat(1000)}\n`);
    const { events, error } = decoded(bounded, Array<Buffer>(2000).fill(line));
    expect(events).toEqual([]);
    expect(error).toBeInstanceOf(NeutralError);
  });

  it('are decoded as soon as their empty line arrives, whatever its line end', () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const seen: string[] = [];
      sseDecoder(({ data }) => void seen.push(data)).push(Buffer.from(`data: now${end}${end}`));
      expect(seen).toEqual(['now']);
    }
  });
});
