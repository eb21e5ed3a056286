import { connect } from 'node:net';
import { requestBytes, type Target } from '../messages.js';
import { quantile } from '../statistics.js';
import { SENT_AT } from './chunk-stream.js';
import type { StreamRequest, StreamResult } from './messages.js';

/** Spreads the starts, so that a thousand streams do not send at the same time. */
const BEGIN_WITHIN_MS = 1_000;
/** Of OpenAI's and Anthropic's streams. */
const ENDS = ['[DONE]', '"message_stop"'] as const;
/** A stream that has not ended by then counts as failed. */
const LONGEST_MS = 30_000;

process.on('message', (request: StreamRequest) => {
  void run(request).then((result) => process.send?.(result));
});

async function run({ target, streams }: StreamRequest): Promise<StreamResult> {
  const request = requestBytes(target);
  const agesMs: number[] = [];
  const startedMs = performance.now();
  const ended = await Promise.all(
    Array.from({ length: streams }, (_stream, index) =>
      oneStream(target, request, (index / streams) * BEGIN_WITHIN_MS, agesMs),
    ),
  );
  return {
    chunks: agesMs.length,
    failed: ended.filter((isWhole) => !isWhole).length,
    seconds: (performance.now() - startedMs) / 1_000,
    p50Ms: quantile(agesMs, 0.5),
    p99Ms: quantile(agesMs, 0.99),
  };
}

/** @returns whether the stream was complete */
function oneStream(target: Target, request: Buffer, delayMs: number, agesMs: number[]): Promise<boolean> {
  const { hostname, port } = new URL(target.url);
  return new Promise((resolve) => {
    setTimeout(() => {
      const socket = connect(Number(port), hostname, () => socket.write(request)).setNoDelay();
      let isWhole = false;
      let tail = '';
      socket.on('data', (chunk) => {
        const nowMs = performance.timeOrigin + performance.now();
        const text = tail + chunk.toString('latin1');
        let end = 0;
        for (const match of text.matchAll(SENT_AT)) {
          agesMs.push(nowMs - Number(match[1]));
          end = match.index + match[0].length;
        }
        tail = text.slice(end);
        if (!ENDS.some((last) => tail.includes(last))) return;
        isWhole = true;
        socket.end();
      });
      const givenUp = setTimeout(() => socket.destroy(), LONGEST_MS);
      socket
        .on('error', () => {})
        .on('close', () => {
          clearTimeout(givenUp);
          resolve(isWhole);
        });
    }, delayMs);
  });
}
