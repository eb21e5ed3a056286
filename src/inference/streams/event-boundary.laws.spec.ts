import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventBoundary } from './event-boundary.js';

const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
const line = fc.constantFrom('data: {"a":1}', 'data: grüße 語 😀', ': alive', 'event: x', 'id:', 'data:');
const event = fc
  .tuple(fc.array(line, { minLength: 1, maxLength: 3 }), lineEnd)
  .map(([lines, end]) => [...lines, '', ''].join(end));
const stream = fc.array(event, { maxLength: 6 }).map((events) => events.join(''));
/** The stream's bytes, cut anywhere. */
const pieces = (text: string): fc.Arbitrary<readonly Buffer[]> => {
  const bytes = Buffer.from(text);
  return fc.array(fc.nat(bytes.length), { maxLength: 8 }).map((cuts) => {
    const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
    return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
  });
};

describe('the bytes of an event stream that may be forwarded', () => {
  it('are in the end all bytes in order, however they were cut', () => {
    fc.assert(
      fc.property(
        fc
          .oneof(stream, fc.string({ unit: fc.constantFrom('\n', '\r', 'a') }))
          .chain((text) => fc.tuple(fc.constant(text), pieces(text))),
        ([text, cut]) => {
          const boundary = new EventBoundary();
          const passed = cut.map((piece) => boundary.push(piece));
          expect(Buffer.concat([...passed, boundary.rest()]).toString()).toBe(text);
        },
      ),
    );
  });

  it('always end at the end of an event', () => {
    fc.assert(
      fc.property(
        stream.chain((text) => pieces(text)),
        (cut) => {
          const boundary = new EventBoundary();
          const passed = cut.map((piece) => boundary.push(piece).toString());
          const unended = passed.filter((text) => text !== '' && !/(\n|\r\n?)(\n|\r\n?)$/.test(text));
          expect(unended).toEqual([]);
        },
      ),
    );
  });

  it('include every whole event that is followed by another byte', () => {
    fc.assert(
      fc.property(event, (text) => {
        const boundary = new EventBoundary();
        expect(boundary.push(Buffer.from(`${text}d`)).toString()).toBe(text);
      }),
    );
  });

  it('include parts of an event that is larger than the buffer', () => {
    const boundary = new EventBoundary();
    let passed = 0;
    for (let i = 0; i < 40; i++) passed += boundary.push(Buffer.alloc(64 * 1024, 'x')).length;
    expect(passed).toBeGreaterThan(1_000_000);
  });
});
