import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decoded, lineText, piecesOf } from '../../../test/arbitraries/stream.js';
import { NeutralError } from '../../upstream/upstream-errors.js';
import { ndjsonDecoder } from './stream-decoder.js';

/** A smaller limit than the real one, to keep the test fast. */
const LONGEST = 64 * 1024;
const bounded: typeof ndjsonDecoder = (onEvent) => ndjsonDecoder(onEvent, LONGEST);

const runs = { numRuns: 500 };

const stream = fc
  .record({
    values: fc.array(fc.oneof(fc.jsonValue(), fc.record({ response: lineText })), { maxLength: 6 }),
    end: fc.constantFrom('\n', '\r\n', '\r', '\0', '\n\n', ' \n'),
    mark: fc.constantFrom('', '\uFEFF'),
    hasLastEnd: fc.boolean(),
  })
  .map(({ values, end, mark, hasLastEnd }) => {
    const lines = values.map((value) => JSON.stringify(value));
    return { bytes: Buffer.from(mark + lines.join(end) + (hasLastEnd ? end : '')), lines };
  });

describe('JSON line by line', () => {
  it('is decoded as it was written, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(
        stream.chain(({ bytes, lines }) => piecesOf(bytes).map((pieces) => ({ pieces, lines }))),
        ({ pieces, lines }) => {
          const { events, error } = decoded(ndjsonDecoder, pieces);
          expect(events.map(({ data }) => data.trimEnd())).toEqual(lines);
          expect(error).toBeNull();
        },
      ),
      runs,
    );
  });

  it('gives the same result for any bytes, cut or not, and never throws', () => {
    const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(
        bytes.chain((whole) => piecesOf(whole).map((pieces) => ({ whole, pieces }))),
        ({ whole, pieces }) => {
          const cut = decoded(ndjsonDecoder, pieces);
          expect(cut).toStrictEqual(decoded(ndjsonDecoder, [whole]));
          expect(cut.error).toBeNull();
        },
      ),
      runs,
    );
  });

  it('has a limit: the same line is too long however it is cut, and earlier lines are decoded', () => {
    fc.assert(
      fc.property(fc.nat(4), fc.nat(LONGEST + 10), (more, at) => {
        const length = LONGEST - 2 + more;
        const bytes = Buffer.from(`1\n${'2'.repeat(length)}\n3\n`);
        for (const pieces of [[bytes], [bytes.subarray(0, at), bytes.subarray(at)]]) {
          const { events, error } = decoded(bounded, pieces);
          expect(error instanceof NeutralError).toBe(length > LONGEST);
          expect(events.map(({ data }) => data.length)).toEqual(length > LONGEST ? [1] : [1, length, 1]);
        }
      }),
      { numRuns: 30 },
    );
  });
});
