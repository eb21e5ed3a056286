import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { openAiEnvelope } from './envelopes.js';
import type { IncomingMessage } from 'http';

/** Answers on the raw connection if no request could be read: not HTTP, or headers that are too large or never end. */
export function answerMalformedRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = UNREAD[error.code ?? ''] ?? [400, 'this is not an HTTP request that can be read'];
  const body = JSON.stringify(
    openAiEnvelope({ status, errorType: 'caller_bad_request', code: null, message }),
  );
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

const UNREAD: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the path and headers are larger than 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not come in time'],
};

/** Larger or slower than any honest client: the connection is closed. */
const MOST_BYTES = 256 * 1024 * 1024;
const LONGEST_MS = 30000;

/**
 * Discards the rest of a request that was answered early. Otherwise the connection is reset while the client still sends
 * its body, and it never sees the answer.
 */
export function drainBody(request: IncomingMessage): void {
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
export function hasUnreadBody(request: IncomingMessage): boolean {
  return hasBody(request) && !request.complete;
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
