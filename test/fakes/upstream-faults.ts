import type { ServerResponse } from 'node:http';

/** The ways in which servers misbehave. Each receives a response to which nothing was written yet. */
export const faults = {
  /** Reads the request and never answers. */
  hangs: () => {},
  /** Sends its headers and the start of a body, then nothing. */
  hangs_after_headers: (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"a":');
  },
  /** Sends one byte every 100 ms, without end. */
  drips: (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    const timer = setInterval(() => response.write('.'), 100);
    response.once('close', () => clearInterval(timer));
  },
  /** Sends a body without end, as fast as it is read. */
  never_stops: (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    const chunk = 'x'.repeat(64 * 1024);
    const fill = (): void => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', fill);
    fill();
  },
  /** Sends headers without end. */
  headers_never_stop: (response: ServerResponse) => {
    const { socket } = response;
    socket?.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => socket?.write(`x-more: ${'x'.repeat(1024)}\r\n`), 1);
    response.once('close', () => clearInterval(timer));
  },
  /** Sends bytes that are not HTTP. */
  sends_garbage: (response: ServerResponse) => {
    response.socket?.end('\x00\x01\x02 this is no HTTP at all \xff\r\n\r\n');
  },
  /** Closes the connection without an answer. */
  closes: (response: ServerResponse) => {
    response.socket?.end();
  },
  /** Resets the connection, without an answer. */
  resets: (response: ServerResponse) => {
    response.socket?.resetAndDestroy();
  },
  /** Promises 1000 bytes, sends ten and closes. */
  closes_half_way: (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '1000' });
    response.write('0123456789', () => response.socket?.end());
  },
  /** Closes a chunked answer before its last chunk. */
  closes_mid_chunks: (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('0123456789', () => response.socket?.end());
  },
  /** Sends the start of an answer, then resets. */
  resets_half_way: (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('0123456789', () => response.socket?.resetAndDestroy());
  },
} as const;

export type FaultName = keyof typeof faults;

const isFaultName = (name: string): name is FaultName => Object.hasOwn(faults, name);
export const faultNames: readonly FaultName[] = Object.keys(faults).filter(isFaultName);
