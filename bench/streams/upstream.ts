import { createServer, type ServerResponse } from 'node:http';
import { listening } from '../listening.js';

/** A model that streams a chunk every 50 ms, each with its time of sending. */
const EVERY_MS = 50;

interface Request {
  /** The number of chunks of an answer. */
  readonly max_tokens: number;
}

const server = createServer((request, response) => {
  const chunksRead: Buffer[] = [];
  request.on('data', (piece: Buffer) => chunksRead.push(piece));
  request.on('end', () => answer(response, JSON.parse(Buffer.concat(chunksRead).toString()) as Request));
});

function answer(response: ServerResponse, { max_tokens: chunks }: Request): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let left = chunks;
  const send = (): void => {
    left -= 1;
    const chunk = {
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'bench',
      choices: [{ index: 0, delta: { content: 'word ' }, logprobs: null, finish_reason: null }],
      // The clock of the machine, so that another process can compute the age of a chunk.
      at: performance.timeOrigin + performance.now(),
    };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    if (left > 0) return;
    clearInterval(timer);
    response.end('data: [DONE]\n\n');
  };
  const timer = setInterval(send, EVERY_MS);
  response.once('close', () => clearInterval(timer));
}

process.send?.({ ports: [await listening(server)] });
