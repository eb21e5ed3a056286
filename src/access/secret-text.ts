import { timingSafeEqual } from 'node:crypto';

/** Size of the length in front of a text, so that zeros behind it mean nothing. */
const LENGTH_BYTES = 4;
const BYTES_A_CHARACTER = 2;
/** Size of a compared text, so that the time taken does not reveal the length of the secret. */
const FEWEST_BYTES = 256;

/**
 * Compares texts with a secret in constant time, in buffers of the same length. Hashes would do as well, but OpenSSL's cost
 * a tenth of a request, mostly by evicting the processor's caches.
 */
export class SecretText {
  private readonly secret: Buffer;
  /** The compared text. Reused: allocating it each time would cost as much as the comparison. */
  private readonly given: Buffer;

  constructor(secret: string) {
    const bytes = LENGTH_BYTES + Math.max(FEWEST_BYTES, secret.length * BYTES_A_CHARACTER);
    this.secret = layOut(secret, Buffer.alloc(bytes));
    this.given = Buffer.alloc(bytes);
  }

  is(text: string): boolean {
    return timingSafeEqual(layOut(text, this.given.fill(0)), this.secret);
  }
}

/** A text that is too long is truncated: its length distinguishes it. */
function layOut(text: string, into: Buffer): Buffer {
  into.writeUInt32LE(text.length);
  into.write(text, LENGTH_BYTES, 'utf16le');
  return into;
}
