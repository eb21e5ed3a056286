const LF = 0x0a;
const CR = 0x0d;
const NOTHING: Buffer = Buffer.alloc(0);

/** A larger event is forwarded in parts. */
const LARGEST_HELD_BYTES = 1024 * 1024;
/** How many bytes before a chunk can belong to the end of an event: CR LF CR LF without its last byte. */
const LONGEST_BEGUN_END = 3;

/**
 * Forwards the bytes of an event stream up to the end of its last whole event, so that a heartbeat or an error can be
 * written between two events. Bytes stay unchanged and in order; each is scanned once, however small the chunks.
 */
export class EventBoundary {
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** The bytes since the last whole event. */
  #before = NOTHING;
  #isWithin = false;

  /** A part of an event was forwarded without its end: nothing may be written now. */
  get isWithin(): boolean {
    return this.#isWithin;
  }

  /** @returns the bytes to forward now; empty: no event ended in this chunk */
  push(chunk: Buffer): Buffer {
    const end = this.#before.length === 0 ? lastEnd(chunk) : this.#endBehind(chunk);
    if (end === null) return this.#holdOrPass(chunk);
    const passed = this.#release(end === chunk.length ? chunk : chunk.subarray(0, end));
    this.#isWithin = false;
    this.#before = NOTHING;
    if (end < chunk.length) this.#hold(chunk.subarray(end));
    return passed;
  }

  /** The bytes after the last whole event, when the stream ends. */
  rest(): Buffer {
    return this.#release(NOTHING);
  }

  #endBehind(chunk: Buffer): number | null {
    const end = lastEnd(Buffer.concat([this.#before, chunk]));
    return end === null ? null : end - this.#before.length;
  }

  #holdOrPass(chunk: Buffer): Buffer {
    this.#hold(chunk);
    if (!this.#isWithin && this.#heldBytes <= LARGEST_HELD_BYTES) return NOTHING;
    this.#isWithin = true;
    return this.#release(NOTHING);
  }

  #hold(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    this.#before =
      chunk.length >= LONGEST_BEGUN_END
        ? chunk.subarray(-LONGEST_BEGUN_END)
        : Buffer.concat([this.#before, chunk]).subarray(-LONGEST_BEGUN_END);
  }

  /** All held bytes, followed by these. */
  #release(last: Buffer): Buffer {
    if (this.#held.length === 0) return last;
    const all = Buffer.concat([...this.#held, last], this.#heldBytes + last.length);
    this.#held = [];
    this.#heldBytes = 0;
    return all;
  }
}

/**
 * The position after the last empty line; `null`: there is none. A line ends with LF, CR LF or CR [WHATWG HTML, 9.2.5]. A
 * trailing CR does not end a line yet: its LF may follow.
 */
function lastEnd(bytes: Buffer): number | null {
  for (let at = bytes.length - 1; at > 0; at--) {
    const byte = bytes[at];
    if (byte === LF) {
      const before = bytes[at - 1] === CR ? at - 2 : at - 1;
      if (before >= 0 && isLineEnd(bytes[before])) return at + 1;
    } else if (byte === CR && at < bytes.length - 1 && bytes[at + 1] !== LF && isLineEnd(bytes[at - 1])) {
      return at + 1;
    }
  }
  return null;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}
