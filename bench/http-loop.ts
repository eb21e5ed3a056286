import { connect, type Socket } from 'node:net';
import type { LoadOrder, LoadResult, Target } from './messages.js';
import { quantile } from './statistics.js';

const HEAD_END = '\r\n\r\n';
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;

/**
 * Calls the target in a closed loop: each connection sends its next request when it has its answer. On bare sockets,
 * because a load generator that works harder than what it measures measures itself.
 * @throws Error at the first answer that is not a whole 200
 */
export async function callInLoop({ target, concurrency, durationMs }: LoadOrder): Promise<LoadResult> {
  const request = requestBytes(target);
  const { hostname, port } = new URL(target.url);
  const startedMs = performance.now();
  const untilMs = startedMs + durationMs;
  const latenciesMs: number[] = [];
  await Promise.all(
    Array.from({ length: concurrency }, () =>
      loop(connect(Number(port), hostname).setNoDelay(), request, untilMs, latenciesMs),
    ),
  );
  const tookMs = performance.now() - startedMs;
  return {
    requests: latenciesMs.length,
    perSecond: (latenciesMs.length / tookMs) * 1000,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
  };
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

function loop(socket: Socket, request: Buffer, untilMs: number, latenciesMs: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = '';
    let sentAtMs = 0;
    const send = (): void => {
      received = '';
      sentAtMs = performance.now();
      socket.write(request);
    };
    socket.once('connect', send);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('a connection was closed')));
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (!isWhole(received)) return;
      const nowMs = performance.now();
      latenciesMs.push(nowMs - sentAtMs);
      if (!received.startsWith('HTTP/1.1 200 ')) reject(new Error(`not a 200: ${received}`));
      else if (nowMs < untilMs) return send();
      else resolve();
      socket.destroy();
    });
  });
}

/** Of answers that say their length, which all that are measured here do. */
function isWhole(received: string): boolean {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd === -1) return false;
  const length = CONTENT_LENGTH.exec(received.slice(0, headEnd))?.[1];
  if (length === undefined) throw new Error(`an answer without a content-length: ${received}`);
  return received.length >= headEnd + HEAD_END.length + Number(length);
}
