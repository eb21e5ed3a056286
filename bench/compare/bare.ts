import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent } from 'undici';
import { listening } from '../listening.js';

/**
 * The baseline: a hand-written proxy of OpenAI chats with node:http and undici. It parses a body for `model` and `stream`, takes
 * the workers in turn, and passes the answer on as it comes. No keys, health, deadlines, retries, limits, usage, metrics or log.
 */
const origins = process.argv.slice(2);
const agent = new Agent();
let turn = 0;

const server = createServer((request, response) => void relay(request, response));

async function relay(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const bytes = await bodyOf(request);
  const { model } = JSON.parse(bytes.toString()) as { model?: string; stream?: boolean };
  turn = (turn + 1) % origins.length;
  if (model === undefined) return void response.writeHead(400).end();
  const { statusCode, headers, body } = await agent.request({
    origin: origins[turn] ?? '',
    path: request.url ?? '/',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: bytes,
  });
  const length = headers['content-length'];
  response.writeHead(statusCode, {
    'content-type': String(headers['content-type']),
    ...(length === undefined ? {} : { 'content-length': String(length) }),
  });
  body.pipe(response);
}

function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
  });
}

process.send?.({ ports: [await listening(server)] });
