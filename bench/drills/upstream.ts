import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listening } from '../listening.js';

/**
 * The workers of a drill, a port each, as many as the argument says. The path decides how one behaves: `/steady` answers,
 * `/flaky` fails every fifth request, `/phased` fails them all for 20 s of every 90. Under `/secret` a key is needed.
 */
const KEY = 'Bearer the-key-of-the-drill';
const WHOLE_MS = 800;
const CHUNKS = 20;
const CHUNK_MS = 150;
const TASK_MS = 4_000;
/** One pixel. */
const PICTURE =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const tasks = new Map<string, number>();
let turn = 0;

interface Chat {
  readonly model?: string;
  readonly stream?: boolean;
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { url = '', headers, method } = request;
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  if (url.startsWith('/secret') && headers.authorization !== KEY)
    return say(response, 401, { error: 'wrong key' });
  if (method === 'GET' && url.includes('/tasks/')) return look(response, url.split('/').at(-1) ?? '');
  if (method === 'GET') return say(response, 200, { object: 'list', data: [] });
  const body = JSON.parse(Buffer.concat(pieces).toString() || '{}') as Chat;
  if (url.includes('/tasks')) return submit(response);
  if (fails(url)) return say(response, 500, { error: { message: 'this worker fails' } });
  if (body.stream === true) return stream(response);
  await pause(WHOLE_MS * (0.5 + Math.random()), response);
  const message = { role: 'assistant', content: 'Fine. '.repeat(50) };
  say(response, 200, {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: body.model,
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage: { prompt_tokens: 12, completion_tokens: 100, total_tokens: 112 },
  });
}

function fails(url: string): boolean {
  if (url.includes('/phased')) return (Date.now() / 1000) % 90 < 20;
  return url.includes('/flaky') && (turn += 1) % 5 === 0;
}

async function stream(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (let at = 0; at < CHUNKS && !response.closed; at++) {
    const delta = { content: 'word '.repeat(8) };
    const chunk = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'drill' };
    response.write(
      `data: ${JSON.stringify({ ...chunk, choices: [{ index: 0, delta, finish_reason: null }] })}\n\n`,
    );
    await pause(CHUNK_MS * (0.5 + Math.random()), response);
  }
  response.end('data: [DONE]\n\n');
}

function submit(response: ServerResponse): void {
  const id = crypto.randomUUID();
  tasks.set(id, Date.now() + TASK_MS);
  say(response, 200, { id, status: 'running' });
}

function look(response: ServerResponse, id: string): void {
  const doneMs = tasks.get(id);
  if (doneMs === undefined) return say(response, 404, { error: 'no such task' });
  const isDone = Date.now() >= doneMs;
  if (Date.now() > doneMs + 60_000) tasks.delete(id);
  say(response, 200, { id, status: isDone ? 'done' : 'running', ...(isDone ? { picture: PICTURE } : {}) });
}

function say(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Ends early when the caller is gone. */
function pause(ms: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      response.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    response.once('close', done);
  });
}

const server = (): ReturnType<typeof createServer> =>
  createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
const ports: number[] = [];
for (let at = 0; at < Number(process.argv[2]); at++) ports.push(await listening(server()));
process.send?.({ ports, elsewhere: await listening(server(), '127.0.0.2') });
