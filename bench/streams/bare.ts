import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent } from 'undici';
import { listening } from '../listening.js';

/**
 * The baseline: the least that a router in Node can be, with node:http and undici, which pipes a stream at the reader's speed.
 * Arguments: the origin of the upstream, and the port; without a port it takes a free one and reports it.
 */
const [, , origin = '', port] = process.argv;
const agent = new Agent();

const server = createServer((request, response) => {
  if (request.method === 'POST') void relay(request, response);
  else response.end();
});

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

if (port === undefined) process.send?.({ ports: [await listening(server)] });
else server.listen(Number(port), '127.0.0.1');
