import { createServer, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { listening } from '../listening.js';

/** A worker whose answers are as large as the input of the request says, in megabytes; other requests are read and counted. */
const PIECE = Buffer.alloc(64 * 1024, 'A');
const MB = 1_000_000;

function* pieces(start: string, size: number, end: string): Generator<Buffer> {
  yield Buffer.from(start);
  for (let sent = 0; sent < size; sent += PIECE.length)
    yield PIECE.subarray(0, Math.min(PIECE.length, size - sent));
  yield Buffer.from(end);
}

async function send(response: ServerResponse, megabytes: number): Promise<void> {
  const [start, end] = [
    '{"object":"list","data":[{"object":"embedding","index":0,"embedding":"',
    '"}],"usage":{"prompt_tokens":7,"total_tokens":7}}',
  ];
  const size = Math.round(megabytes * MB);
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': start.length + size + end.length,
  });
  await pipeline(Readable.from(pieces(start, size, end)), response);
}

const server = createServer((request, response) => {
  let bytes = 0;
  let head = '';
  request.on('data', (chunk: Buffer) => {
    if (bytes === 0) head = chunk.toString('latin1', 0, 200);
    bytes += chunk.length;
  });
  request.on('end', () => {
    const megabytes = Number(/"answer (\d+(?:\.\d+)?)"/.exec(head)?.[1] ?? 0);
    send(response, megabytes).catch(() => response.destroy());
  });
});
process.send?.({ port: await listening(server) });
