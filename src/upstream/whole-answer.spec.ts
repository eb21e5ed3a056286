import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerSink } from './exchange.js';
import type { AnswerHeaders } from './headers.js';
import { MemoryBudget } from './memory-budget.js';
import { decodedText, HELD_ANSWER, WholeAnswer, withoutCoding } from './whole-answer.js';

describe('the text of a body', () => {
  it('is decoded without an error, whatever the bytes and the content-type', () => {
    const contentType = fc.oneof(
      fc.constant(undefined),
      fc.string(),
      fc.string().map((label) => `a/b; charset=${label}`),
    );
    fc.assert(
      fc.property(fc.uint8Array(), contentType, (bytes, type) => {
        expect(typeof decodedText(Buffer.from(bytes), type)).toBe('string');
      }),
    );
  });

  it('equals the encoded text, in UTF-8 by default', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom(undefined, 'application/json'),
        (text, type) => {
          fc.pre(!text.startsWith('\ufeff'));
          expect(decodedText(Buffer.from(text), type)).toBe(text);
          expect(decodedText(Buffer.from(`\ufeff${text}`), type)).toBe(text);
        },
      ),
    );
  });

  it.each([
    ['text/plain; charset=iso-8859-1', 'e9', 'é'],
    ['text/plain;charset="windows-1251"', 'e9', 'й'],
    ['text/plain; charset=gb18030', 'c4e3', '你'],
    ['text/plain; charset=UTF8', 'c3a9', 'é'],
    ['text/plain; charset=klingon', 'c3a9', 'é'],
  ])('in %s', (contentType, hex, text) => {
    expect(decodedText(Buffer.from(hex, 'hex'), contentType)).toBe(text);
  });
});

/** Writes down what is passed on to it. */
class Rest implements AnswerSink {
  readonly calls: string[] = [];
  bytes = 0;

  head(status: number): void {
    this.calls.push(`head ${status}`);
  }
  chunk(chunk: Buffer): void {
    this.bytes += chunk.length;
  }
  end(): void {
    this.calls.push('end');
  }
  fail(): void {
    this.calls.push('fail');
  }
}

describe('an answer that may be passed on', () => {
  const HALF = Buffer.alloc(HELD_ANSWER / 2);
  const flow = { pause: () => {}, resume: () => {}, cancel: () => {} };

  /** Three halves, with a budget of so many bytes. */
  function received(status: number, headers: AnswerHeaders, limit = Infinity) {
    const rest = new Rest();
    const budget = new MemoryBudget(limit);
    const answer = new WholeAnswer(
      10 * HELD_ANSWER,
      budget,
      (given) => void Promise.resolve(given).catch(() => {}),
      () => {},
      () => rest,
    );
    answer.head(status, headers, flow);
    for (let half = 0; half < 3; half++) answer.chunk(HALF);
    const heldBytes = budget.heldBytes;
    answer.end();
    return { rest, heldBytes };
  }

  it('is handed over with all its bytes once it is larger than is held, and leaves the budget', () => {
    const { rest, heldBytes } = received(200, { 'content-type': 'application/json' }, HELD_ANSWER);
    expect(rest.calls).toEqual(['head 200', 'end']);
    expect(rest.bytes).toBe(3 * HALF.length);
    expect(heldBytes).toBe(0);
  });

  it.each([
    ['a rejection', 500, {}],
    ['compressed', 200, { 'content-encoding': 'br' }],
    ['events', 200, { 'content-type': 'text/event-stream' }],
  ])('is collected when it is %s', (_what, status, headers) => {
    const { rest, heldBytes } = received(status, headers);
    expect(rest.calls).toEqual([]);
    expect(heldBytes).toBe(3 * HALF.length);
  });
});

describe('a small compressed answer that becomes large', () => {
  const body = gzipSync(Buffer.alloc(3_000_000));
  const headers = { 'content-encoding': 'gzip' };

  it('is counted while it grows, and refused where it does not fit', async () => {
    const small = new MemoryBudget(1_000_000);
    await expect(withoutCoding(body, headers, 10_000_000, small)).rejects.toMatchObject({
      kind: 'no_memory',
    });
    const large = new MemoryBudget(4_000_000);
    expect((await withoutCoding(body, headers, 10_000_000, large)).length).toBe(3_000_000);
    expect([small.heldBytes, large.heldBytes]).toEqual([0, 0]);
  });

  it('is refused beyond the limit of answers, and where it is broken', async () => {
    const budget = new MemoryBudget(Infinity);
    await expect(withoutCoding(body, headers, 2_000_000, budget)).rejects.toMatchObject({
      kind: 'too_large',
    });
    const broken = body.subarray(0, body.length - 99);
    await expect(withoutCoding(broken, headers, 10_000_000, budget)).rejects.toMatchObject({
      kind: 'bad_answer',
    });
    expect(budget.heldBytes).toBe(0);
  });
});
