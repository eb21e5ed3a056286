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
    // Of a connection that its server resets while it is idle; the next call opens another.
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
      if (isWhole(this.received)) this.answered(this.received, performance.now() - this.sentAtMs);
    });
    return socket;
  }

  /**
   * Calls until then, at least once, and records how long each call took. A connection that the server closes before it
   * answers is opened again: some servers close one after five idle seconds or after a number of requests.
   * @throws Error at the first answer that is not a 200, and when connections end three times in a row without an answer
   */
  async callUntil(endMs: number, latenciesMs: number[]): Promise<void> {
    for (let closed = 0; ; closed += 1) {
      if (this.socket.destroyed) this.socket = this.connected();
      const before = latenciesMs.length;
      if (await this.callWhileOpen(endMs, latenciesMs)) return;
      if (latenciesMs.length > before) closed = 0;
      if (closed === 2 || this.received !== '') throw new Error('the connection was closed');
    }
  }

  /** @returns false when the connection was closed before the end */
  private async callWhileOpen(endMs: number, latenciesMs: number[]): Promise<boolean> {
    const { socket } = this;
    const loop = new Promise<boolean>((resolve, reject) => {
      socket.on('close', () => resolve(false));
      this.answered = (answer, ms) => {
        latenciesMs.push(ms);
        if (!answer.startsWith('HTTP/1.1 200 ')) reject(new Error(`expected a 200:  ${answer}`));
        else if (performance.now() < endMs) this.send();
        else resolve(true);
      };
      this.send();
    });
    return loop.finally(() => socket.removeAllListeners('close'));
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
