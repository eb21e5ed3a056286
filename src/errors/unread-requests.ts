import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { openAiEnvelope } from './envelopes.js';

/** Answers on the bare connection what never became a request: no HTTP, too much of headers, or headers that never ended. */
export function answerUnread(error: Error & { readonly code?: string }, socket: Socket): void {
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
