/** Bytes in, events out, as they become whole. After an error it is spent. */
export interface StreamDecoder {
  /** @throws UnjudgedError an event that is too long; and what `onEvent` throws */
  push(chunk: Buffer): void;
  /** The stream ended in order: what is left is an event, too. */
  end(): void;
}
