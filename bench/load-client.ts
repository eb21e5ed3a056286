import { connect, type Socket } from 'node:net';
import type { Target } from './messages.js';

const HEAD_END = '\r\n\r\n';
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;

/**
 * One kept-alive connection that sends its next request after each answer. It uses a bare socket, because a load generator
 * that works harder than the measured system measures itself.
 */
export class LoadClient {
  private readonly socket: Socket;
  private readonly request: Buffer;
  private received = '';
  private sentAtMs = 0;
  private answered: (answer: string, ms: number) => void = () => {};

  constructor(target: Target) {
    const { hostname, port } = new URL(target.url);
    this.request = requestBytes(target);
    this.socket = connect(Number(port), hostname).setNoDelay();
    this.socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
      if (isWhole(this.received)) this.answered(this.received, performance.now() - this.sentAtMs);
    });
  }

  /**
   * Calls until then, at least once, and records how long each call took.
   * @throws Error at the first answer that is not a 200, and when the connection ends
   */
  async callUntil(endMs: number, latenciesMs: number[]): Promise<void> {
    const { socket } = this;
    if (socket.destroyed) throw new Error('the connection was closed while it was idle');
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

/** Whether an answer with a content-length is complete; all measured answers have one. */
function isWhole(received: string): boolean {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd === -1) return false;
  const length = CONTENT_LENGTH.exec(received.slice(0, headEnd))?.[1];
  if (length === undefined) throw new Error(`an answer without a content-length: ${received}`);
  return received.length >= headEnd + HEAD_END.length + Number(length);
}
