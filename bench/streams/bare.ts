import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent } from 'undici';
import { listening } from '../listening.js';

/** The baseline: a hand-written proxy of a stream with node:http and undici, at the reader's speed. */
const [, , origin = ''] = process.argv;
const agent = new Agent();

const server = createServer((request, response) => void relay(request, response));

async function relay(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { statusCode, headers, body } = await agent.request({
    origin,
    path: request.url ?? '/',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: request,
  });
  response.writeHead(statusCode, { 'content-type': String(headers['content-type']) });
  body.pipe(response);
}

process.send?.({ ports: [await listening(server)] });
