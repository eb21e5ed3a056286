import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent } from 'undici';

/** The least that a router in Node can be: node:http and undici, a stream piped through. */
const [, , origin = '', port = ''] = process.argv;
const agent = new Agent();

createServer((request, response) => {
  if (request.method === 'POST') void relay(request, response);
  else response.end();
}).listen(Number(port), '127.0.0.1');

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
