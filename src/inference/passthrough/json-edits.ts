import type { Span } from './json-scanner.js';

// A body is changed at the bytes that json-scanner.ts found, and copied once; what is not named stays byte for byte.

/** The body with the value replaced; all other bytes stay the same. */
export function withValue(body: Buffer, { start, end }: Span, value: string): Buffer {
  return Buffer.concat([body.subarray(0, start), Buffer.from(value), body.subarray(end)]);
}

/** A value that is replaced. */
export interface Edit extends Span {
  readonly by: Buffer;
}

/** The body with all the edits, which do not overlap; all other bytes stay the same. */
export function edited(body: Buffer, edits: readonly Edit[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (const { start, end, by } of edits.toSorted((a, b) => a.start - b.start)) {
    parts.push(body.subarray(at, start), by);
    at = end;
  }
  return Buffer.concat([...parts, body.subarray(at)]);
}

/** A JSON array of items that are JSON already, for an edit that replaces a whole list. */
export function listOf(items: readonly Buffer[]): Buffer {
  const parts = items.flatMap((item, index) => (index === 0 ? [item] : [Buffer.from(','), item]));
  return Buffer.concat([Buffer.from('['), ...parts, Buffer.from(']')]);
}
