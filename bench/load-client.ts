import { connect, type Socket } from 'node:net';
import type { Target } from './messages.js';

const HEAD_END = '\r\n\r\n';
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;
const CHUNKED = /\r\ntransfer-encoding: *chunked/i;
const LAST_CHUNK = '\r\n0\r\n\r\n';

/**
 * One kept-alive connection that sends its next request after each answer. It uses a bare socket, because a load generator
 * that works harder than the measured system measures itself.
 */
export class LoadClient {
  private socket: Socket;
  private readonly request: Buffer;
  private received = '';
  private sentAtMs = 0;
  private answered: (answer: string, ms: number) => void = () => {};

  constructor(private readonly target: Target) {
    this.request = requestBytes(target);
    this.socket = this.connected();
  }

  private connected(): Socket {
    const { hostname, port } = new URL(this.target.url);
    const socket = connect(Number(port), hostname).setNoDelay();
    socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
      if (isWhole(this.received)) this.answered(this.received, performance.now() - this.sentAtMs);
    });
    return socket;
  }

  /**
   * Calls until then, at least once, and records how long each call took.
   * @throws Error at the first answer that is not a 200, and when the connection ends
   */
  async callUntil(endMs: number, latenciesMs: number[]): Promise<void> {
    // Some servers close a connection that is idle for five seconds.
    if (this.socket.destroyed) this.socket = this.connected();
    const { socket } = this;
    const loop = new Promise<void>((resolve, reject) => {
      socket.on('error', reject).on('close', () => reject(new Error('the connection was closed')));
      this.answered = (answer, ms) => {
        latenciesMs.push(ms);
        if (!answer.startsWith('HTTP/1.1 200 ')) reject(new Error(`expected a 200:  ${answer}`));
        else if (performance.now() < endMs) this.send();
        else resolve();
      };
      this.send();
    });
    await loop.finally(() => socket.removeAllListeners('error').removeAllListeners('close'));
  }

  private send(): void {
    this.received = '';
    this.sentAtMs = performance.now();
    this.socket.write(this.request);
  }
}

function requestBytes({ url, headers, body }: Target): Buffer {
  const { host, pathname } = new URL(url);
  const lines = Object.entries({
    host,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

/** Whether an answer is complete. */
function isWhole(received: string): boolean {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd === -1) return false;
  const head = received.slice(0, headEnd);
  const length = CONTENT_LENGTH.exec(head)?.[1];
  if (length === undefined && CHUNKED.test(head)) return received.endsWith(LAST_CHUNK);
  if (length === undefined) throw new Error(`an answer without a length: ${received}`);
  return received.length >= headEnd + HEAD_END.length + Number(length);
}
