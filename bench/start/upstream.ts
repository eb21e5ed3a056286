import { createServer } from 'node:http';
import { listening } from '../listening.js';

/** A model whose stream begins at once: a chunk now, the rest 50 ms later. */
const REST_AFTER_MS = 50;

const chunk = (content: string): string =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'bench',
    choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }],
  })}\n\n`;

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunk('a '));
    setTimeout(() => response.end(`${chunk('word')}data: [DONE]\n\n`), REST_AFTER_MS);
  });
});

process.send?.({ ports: [await listening(server)] });
