import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { faults, type FaultName } from './upstream-faults.js';

export interface SeenRequest {
  readonly method: string;
  /** Path and query, as received. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Runs when the whole request has been read; must end `response`, or leave it open on purpose. */
export type Answer = (response: ServerResponse, request: SeenRequest) => void;
/** An answer, or the name of a fault. */
export type Behaviour = Answer | FaultName;

export const json =
  (value: unknown, status = 200): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };

export const text =
  (body: string, status = 200, headers: Readonly<Record<string, string>> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers }).end(body);
  };

/** Answers with the request itself: method, url, headers and body. */
export const echo: Answer = (response, request) => json(request)(response, request);

export const slow =
  (delayMs: number, then: Answer): Answer =>
  (response, request) => {
    const timer = setTimeout(() => then(response, request), delayMs);
    response.once('close', () => clearTimeout(timer));
  };

/** The answers in turn; the last one is repeated. */
export const inTurn = (first: Behaviour, ...rest: readonly Behaviour[]): Answer => {
  const waiting = [first, ...rest];
  let current = first;
  return (response, request) => {
    current = waiting.shift() ?? current;
    answerOf(current)(response, request);
  };
};

const answerOf = (behaviour: Behaviour): Answer =>
  typeof behaviour === 'string' ? faults[behaviour] : behaviour;

async function read(message: IncomingMessage): Promise<SeenRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  const { method = '', url = '', headers } = message;
  return { method, url, headers, body: Buffer.concat(chunks).toString('utf8') };
}

/** A real HTTP server on 127.0.0.1 with a configurable behaviour. `GET /health` answers `health` and is counted apart. */
export class FakeUpstream {
  readonly requests: SeenRequest[] = [];
  health = 200;
  probes = 0;
  /** Requests whose client disconnected before their answer was done. */
  aborted = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((message, response) => void this.#serve(message, response));
  #answer: Answer;
  #port = 0;

  constructor(behaviour: Behaviour) {
    this.#answer = answerOf(behaviour);
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  get port(): number {
    return this.#port;
  }

  /** The origin, without a slash at its end. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get calls(): number {
    return this.requests.length;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Takes effect from the next request on. */
  behave(behaviour: Behaviour): void {
    this.#answer = answerOf(behaviour);
  }

  /** Like `kill -9`: breaks every connection and closes the port. */
  async kill(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  /** Listens again on the same port. */
  async revive(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  /** Closes idle connections, like a server after its keep-alive timeout. */
  dropIdleConnections(): void {
    this.#server.closeIdleConnections();
  }

  close(): Promise<void> {
    return this.kill();
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    if (message.method === 'GET' && message.url === '/health') {
      this.probes += 1;
      response.writeHead(this.health).end();
      return;
    }
    response.once('close', () => {
      const { socket } = message;
      const byClient = socket.readableEnded || socket.errored !== null;
      if (byClient && !response.writableFinished) this.aborted += 1;
    });
    try {
      const request = await read(message);
      this.requests.push(request);
      this.#answer(response, request);
    } catch {
      response.destroy();
    }
  }
}

export async function startFakeUpstream(behaviour: Behaviour = echo): Promise<FakeUpstream> {
  const upstream = new FakeUpstream(behaviour);
  await upstream.revive();
  return upstream;
}
