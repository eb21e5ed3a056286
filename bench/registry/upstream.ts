import { createServer } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { listening } from '../listening.js';

/** Many workers in one process, each with a port of its own, as many as the argument says: healthy, and quick to answer. */
const OPENAI = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'bench',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Fine.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 12, completion_tokens: 2, total_tokens: 14 },
});
const NATIVE = JSON.stringify({ answer: 'Fine.' });

const http = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const body = request.url === '/v1/chat/completions' ? OPENAI : NATIVE;
  request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end(body));
});
const ports = [];
for (let at = 0; at < Number(process.argv[2]); at++)
  ports.push(await listening(createTcpServer((socket: Socket) => void http.emit('connection', socket))));
process.send?.({ ports });
