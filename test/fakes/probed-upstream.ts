import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

/** A worker that answers requests independently of its health endpoints, and counts both. */
export class ProbedUpstream {
  /** The answer to `GET /health…`; `hangs`: no answer. */
  health: number | 'hangs' = 200;
  /** The answer to all other requests. */
  answer: unknown = { answer: 'hello' };
  readonly probes = new Map<string, number>();
  calls = 0;
  readonly #server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path.startsWith('/health')) this.#say(path, response);
    else {
      this.calls += 1;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(this.answer));
    }
  });

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  get probed(): number {
    return [...this.probes.values()].reduce((sum, count) => sum + count, 0);
  }

  async open(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #say(path: string, response: ServerResponse): void {
    this.probes.set(path, (this.probes.get(path) ?? 0) + 1);
    if (this.health !== 'hangs') response.writeHead(this.health).end();
  }
}

export async function probedUpstreamForTest(): Promise<ProbedUpstream> {
  const server = await new ProbedUpstream().open();
  onTestFinished(() => server.close());
  return server;
}
