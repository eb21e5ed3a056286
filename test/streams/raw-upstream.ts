import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TestService } from '../service.js';

export type RawAnswer = (response: ServerResponse, request: RawRequest) => unknown;

export interface RawRequest {
  readonly message: IncomingMessage;
  readonly body: Buffer;
}

/** A server that records the bytes of the last request and sends the configured answer. */
export interface RawUpstream {
  readonly url: string;
  last: RawRequest | null;
  calls: number;
  answer: RawAnswer;
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
}

export async function startRawUpstream(answer: RawAnswer): Promise<RawUpstream> {
  const sockets = new Set<Socket>();
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      upstream.calls += 1;
      upstream.last = { message, body: Buffer.concat(chunks) };
      upstream.answer(response, upstream.last);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : null;
  const upstream: RawUpstream = {
    url: `http://127.0.0.1:${port}`,
    last: null,
    calls: 0,
    answer,
    sockets,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
  return upstream;
}

let made = 0;

/** Registers it for a new model, with the OpenAI protocol unless `more` sets another. @returns the model */
export async function modelOn(
  service: TestService,
  { url }: { readonly url: string },
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const model = `streams-${(made += 1)}`;
  const answer = await service.register({
    model_name: model,
    req_url_template: `${url}/v1`,
    ...('body' in more ? {} : { protocol: 'openai' }),
    health_check: { kind: 'none' },
    ...more,
  });
  if (answer.status !== 200) throw new Error(answer.text);
  return model;
}

/** The number of running requests on workers of the model, as this replica counts them. */
export async function inFlight(service: TestService, model: string): Promise<number> {
  const { json } = await service.get('/api/server/workers?detail=true');
  const { data } = json as { data: readonly { model_name: string; in_flight: number }[] };
  return data
    .filter(({ model_name }) => model_name === model)
    .reduce((sum, { in_flight }) => sum + in_flight, 0);
}
