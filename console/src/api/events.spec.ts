import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEvents } from './events';

/** What is read of a stream that comes in the given pieces. */
async function readOf(pieces: readonly Uint8Array[]): Promise<readonly string[]> {
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(Uint8Array.from(piece));
      controller.close();
    },
  });
  const read: string[] = [];
  await readEvents(
    stream,
    (data) => read.push(data),
    (comment) => read.push(`:${comment}`),
  );
  return read;
}
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('an event stream', () => {
  it.each([
    ['data: one\n\n', ['one']],
    ['data:one\n\ndata:  two \n\n', ['one', ' two ']],
    ['data: one\ndata: two\ndata\n\n', ['one\ntwo\n']],
    ['\u{FEFF}data: after a mark\n\n', ['after a mark']],
    ['event: x\nid: 7\nretry: 5\n\ndata: {"a": "b: c"}\n\n', ['{"a": "b: c"}']],
    [': mmm {"a": 1}\n:\n\n', [':mmm {"a": 1}', ':']],
    ['data: it is not ended\n', []],
    ['data: ended by a CR\r\r', ['ended by a CR']],
    ['dataset: x\n\n: c\n', [':c']],
  ])('is read: %j', async (text, read) => {
    expect(await readOf([bytesOf(text)])).toEqual(read);
  });

  it('is read the same however its bytes are cut, and whichever ends of lines it has', async () => {
    const text = 'data: wörld 🌍\ndata: two\n\n: note\n\ndata: last\n\n';
    const expected = ['wörld 🌍\ntwo', ':note', 'last'];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('\n', '\r\n', '\r'), fc.array(fc.nat(60)), async (end, cuts) => {
        const bytes = bytesOf(text.replaceAll('\n', end));
        const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        expect(await readOf(at.map((from, index) => bytes.slice(from, at[index + 1])))).toEqual(expected);
      }),
    );
  });
});
