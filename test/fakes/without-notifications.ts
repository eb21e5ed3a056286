import { Transform, type TransformCallback } from 'node:stream';

const NOTIFICATION = 'A'.charCodeAt(0);
/** A type byte and four bytes of length, including themselves [PostgreSQL, 54.7 "Message Formats"]. */
const HEAD_BYTES = 5;

/** Removes notifications from the data of a PostgreSQL server, like a pooler in transaction mode. */
export class WithoutNotifications extends Transform {
  #rest = Buffer.alloc(0);

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let rest = Buffer.concat([this.#rest, chunk]);
    while (rest.length >= HEAD_BYTES) {
      const end = 1 + rest.readInt32BE(1);
      if (rest.length < end) break;
      if (rest[0] !== NOTIFICATION) this.push(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    this.#rest = rest;
    done();
  }
}
