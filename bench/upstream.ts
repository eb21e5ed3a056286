import { createServer } from 'node:http';
import { listening } from './listening.js';

/** The workers: a model that answers at once, on as many ports as the argument specifies. */
const ANSWER = JSON.stringify({
  data: {
    items: [
      {
        attributes: {
          answer:
            'This model belongs to a benchmark: it answers every request with this same sentence, and it does so at once.',
          finish_reason: 'stop',
        },
      },
    ],
  },
  usage: { prompt_tokens: 12, completion_tokens: 24 },
});
const HEADERS = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(ANSWER)) };

const count = Number(process.argv[2]);
const servers = Array.from({ length: count }, () =>
  createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, HEADERS).end(ANSWER));
  }),
);
process.send?.({ ports: await Promise.all(servers.map(listening)) });
