import { createServer } from 'node:http';
import { listening } from './listening.js';
import { streamChunks } from './streams/chunk-stream.js';

/** The workers: a model that answers at once, on as many ports as the argument specifies. */
const TEXT =
  'This model belongs to a benchmark: it answers every request with this same sentence, and it does so at once.';
const NATIVE = JSON.stringify({
  data: { items: [{ attributes: { answer: TEXT, finish_reason: 'stop' } }] },
  usage: { prompt_tokens: 12, completion_tokens: 24 },
});
const OPENAI = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'bench',
  choices: [{ index: 0, message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 12, completion_tokens: 24, total_tokens: 36 },
});
const ANTHROPIC = JSON.stringify({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'bench',
  content: [{ type: 'text', text: TEXT }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 12, output_tokens: 24 },
});

/** What gateways read that look for the models of their workers. */
const MODELS = JSON.stringify({
  object: 'list',
  data: [{ id: 'bench', object: 'model', created: 1, owned_by: 'bench', root: 'bench' }],
});

function answerTo(path: string | undefined): string {
  if (path === '/v1/messages') return ANTHROPIC;
  if (path === '/v1/models') return MODELS;
  return path === '/v1/chat/completions' ? OPENAI : NATIVE;
}

/** How it answers from now on. */
export interface Behaviour {
  /** How long it thinks. */
  readonly delayMs: number;
  /** Of a stream, where a request wants one; 0: no request does, and no body is read. */
  readonly chunks: number;
}

const STREAM = /"stream": ?true/;

const count = Number(process.argv[2]);
let behaviour: Behaviour = { delayMs: 0, chunks: 0 };
const servers = Array.from({ length: count }, () =>
  createServer((request, response) => {
    const { delayMs, chunks } = behaviour;
    const body: Buffer[] = [];
    if (chunks > 0) request.on('data', (piece: Buffer) => body.push(piece));
    else request.resume();
    const send = (): void => {
      if (STREAM.test(Buffer.concat(body).toString('latin1')))
        return streamChunks(response, chunks, request.url);
      const answer = answerTo(request.url);
      const headers = {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(answer)),
      };
      response.writeHead(200, headers).end(answer);
    };
    request.on('end', () => (delayMs === 0 ? send() : setTimeout(send, delayMs)));
  }),
);
process.on('message', (message: Behaviour) => {
  behaviour = message;
  process.send?.({});
});
process.send?.({ ports: await Promise.all(servers.map((server) => listening(server))) });
