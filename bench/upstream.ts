import { createServer } from 'node:http';
import { listening } from './listening.js';

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

const count = Number(process.argv[2]);
let delayMs = 0;
const servers = Array.from({ length: count }, () =>
  createServer((request, response) => {
    const answer = answerTo(request.url);
    const headers = {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(answer)),
    };
    const send = (): void => void response.writeHead(200, headers).end(answer);
    request.resume().on('end', () => (delayMs === 0 ? send() : setTimeout(send, delayMs)));
  }),
);
/** How long it thinks from now on. */
process.on('message', (message: { readonly delayMs: number }) => {
  ({ delayMs } = message);
  process.send?.({});
});
process.send?.({ ports: await Promise.all(servers.map((server) => listening(server))) });
