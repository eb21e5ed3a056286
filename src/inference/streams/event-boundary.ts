const LF = 0x0a;
const CR = 0x0d;
const NOTHING: Buffer = Buffer.alloc(0);

/** A single event that is larger is passed on in pieces. */
const LARGEST_HELD_BYTES = 1024 * 1024;

/**
 * Passes on the bytes of an event stream up to the end of its last whole event, so that something else may be said
 * between two events: that the stream is still alive, or that it broke. Bytes are kept as they are, and in order.
 */
export class EventBoundary {
  #held: Buffer = NOTHING;

  /** @returns what may be passed on now; empty: no event ended in this piece */
  push(chunk: Buffer): Buffer {
    const all = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const end = all.length > LARGEST_HELD_BYTES ? all.length : lastEnd(all);
    this.#held = end === all.length ? NOTHING : all.subarray(end);
    return end === 0 ? NOTHING : all.subarray(0, end);
  }

  /** What came after the last whole event, when the stream ends. */
  rest(): Buffer {
    const rest = this.#held;
    this.#held = NOTHING;
    return rest;
  }
}

/**
 * Behind the last empty line; 0: there is none. A line ends with LF, CR LF or CR [WHATWG HTML, 9.2.5]. A CR that comes last
 * ends nothing yet: its LF may be on its way.
 */
function lastEnd(bytes: Buffer): number {
  for (let at = bytes.length - 1; at > 0; at--) {
    const byte = bytes[at];
    if (byte === LF) {
      const before = bytes[at - 1] === CR ? at - 2 : at - 1;
      if (before >= 0 && isLineEnd(bytes[before])) return at + 1;
    } else if (byte === CR && at < bytes.length - 1 && bytes[at + 1] !== LF && isLineEnd(bytes[at - 1])) {
      return at + 1;
    }
  }
  return 0;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}
