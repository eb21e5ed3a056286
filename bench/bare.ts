import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent } from 'undici';
import { listening } from './listening.js';

/**
 * The baseline: a hand-written handler for one model with node:http and undici. It does the service's work (parse, render,
 * call, extract, answer) and nothing else: no keys, balancing, health, deadlines, retries, limits, metrics or log.
 */
interface Chat {
  readonly input: string;
  readonly model_name: string;
  readonly temperature?: number;
}
interface Answer {
  readonly data: { readonly items: readonly [{ readonly attributes: { readonly answer: string } }] };
}

const [, , origin = ''] = process.argv;
const agent = new Agent();

const server = createServer((request, response) => void answer(request, response));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chat = JSON.parse(await bodyOf(request)) as Chat;
  const { body } = await agent.request({
    origin,
    path: '/api/generate',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ input: chat.input, model_name: chat.model_name, temperature: chat.temperature }),
  });
  const { data } = (await body.json()) as Answer;
  const result = data.items[0].attributes.answer;
  const json = JSON.stringify({ success: true, msg: 'execute succeed', result });
  response
    .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) })
    .end(json);
}

function bodyOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks).toString()));
    request.on('error', reject);
  });
}

process.send?.({ ports: [await listening(server)] });
