import { createServer } from 'node:http';
import { listening } from '../listening.js';
import { streamChunks } from './chunk-stream.js';

/** A model that streams as many chunks as `max_tokens` of a request says, one every so many milliseconds as the argument says. */
interface Request {
  readonly max_tokens: number;
}

const everyMs = Number(process.argv[2]);
const server = createServer((request, response) => {
  const chunksRead: Buffer[] = [];
  request.on('data', (piece: Buffer) => chunksRead.push(piece));
  request.on('end', () => {
    const { max_tokens: chunks } = JSON.parse(Buffer.concat(chunksRead).toString()) as Request;
    streamChunks(response, chunks, request.url, everyMs);
  });
});

process.send?.({ ports: [await listening(server)] });
