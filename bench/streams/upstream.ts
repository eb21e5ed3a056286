import { createServer, type ServerResponse } from 'node:http';
import { listening } from '../listening.js';

/** A model that streams: a chunk every so many milliseconds, each with the time at which it left. */
const EVERY_MS = 50;

interface Asked {
  /** How many chunks the answer has. */
  readonly max_tokens: number;
}

const server = createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => answer(response, JSON.parse(Buffer.concat(pieces).toString()) as Asked));
});

function answer(response: ServerResponse, { max_tokens: chunks }: Asked): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let left = chunks;
  const say = (): void => {
    left -= 1;
    const chunk = {
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'bench',
      choices: [{ index: 0, delta: { content: 'word ' }, logprobs: null, finish_reason: null }],
      // Of the whole machine, so that another process can tell how old a chunk is.
      at: performance.timeOrigin + performance.now(),
    };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    if (left > 0) return;
    clearInterval(timer);
    response.end('data: [DONE]\n\n');
  };
  const timer = setInterval(say, EVERY_MS);
  response.once('close', () => clearInterval(timer));
}

process.send?.({ ports: [await listening(server)] });
