import { createServer } from 'node:http';
import { listening } from '../listening.js';
import { streamChunks } from './chunk-stream.js';

/** A model that streams as many chunks as `max_tokens` of a request says. */
interface Request {
  readonly max_tokens: number;
}

const server = createServer((request, response) => {
  const chunksRead: Buffer[] = [];
  request.on('data', (piece: Buffer) => chunksRead.push(piece));
  request.on('end', () => {
    const { max_tokens: chunks } = JSON.parse(Buffer.concat(chunksRead).toString()) as Request;
    streamChunks(response, chunks, request.url);
  });
});

process.send?.({ ports: [await listening(server)] });
