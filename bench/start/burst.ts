import { connect } from 'node:net';
import { requestBytes, type Target } from '../messages.js';

/** A command to this generator of streams. */
export interface BurstRequest {
  readonly target: Target;
  readonly streams: number;
  readonly withinMs: number;
}

/** Its result, in the order of arrival. */
export interface BurstResult {
  /** `null`: the stream failed. */
  readonly firstByteMs: readonly (number | null)[];
}

process.on('message', (request: BurstRequest) => {
  void run(request).then((result) => process.send?.(result));
});

/** Streams arrive evenly within the time, each on a connection of its own. */
async function run({ target, streams, withinMs }: BurstRequest): Promise<BurstResult> {
  const request = requestBytes(target);
  const all = Array.from({ length: streams }, (_stream, index) =>
    firstByteMs(target, request, (index / streams) * withinMs),
  );
  return { firstByteMs: await Promise.all(all) };
}

/** From the sending of the request to the first byte of a chunk. @returns `null` for a stream that did not end as it should */
function firstByteMs(target: Target, request: Buffer, delayMs: number): Promise<number | null> {
  const { hostname, port } = new URL(target.url);
  return new Promise((resolve) => {
    setTimeout(() => {
      const startedMs = performance.now();
      let firstMs: number | null = null;
      let text = '';
      const socket = connect(Number(port), hostname, () => socket.write(request)).setNoDelay();
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        if (firstMs === null && text.includes('data: ')) firstMs = performance.now() - startedMs;
        if (text.includes('[DONE]')) socket.end();
      });
      socket.on('error', () => {}).on('close', () => resolve(text.includes('[DONE]') ? firstMs : null));
    }, delayMs);
  });
}
