import type { IncomingMessage } from 'node:http';

/** More, or slower, than any honest client: the connection is cut. */
const MOST_BYTES = 256 * 1024 * 1024;
const LONGEST_MS = 30_000;

/**
 * Reads away what is still coming of a request that was answered early. Otherwise the connection is reset under a
 * client that sends all of its body before it reads, and it never sees the answer.
 */
export function readToEnd(request: IncomingMessage): void {
  const cut = () => request.destroy();
  const timer = setTimeout(cut, LONGEST_MS).unref();
  let leftBytes = MOST_BYTES;
  request.on('data', (chunk: Buffer) => {
    leftBytes -= chunk.length;
    if (leftBytes < 0) cut();
  });
  request.once('close', () => clearTimeout(timer));
  request.resume();
}

/** Whether a body, or a part of it, has not been read yet. */
export function isUnread({ complete, headers }: IncomingMessage): boolean {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  return hasBody && !complete;
}
