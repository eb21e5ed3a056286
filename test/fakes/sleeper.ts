import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A worker whose process ends while it sleeps, and what starts it. */
export class Sleeper {
  wakeCalls = 0;
  /** What the next wake request is answered; `null`: nothing. */
  status: number | null = 200;
  private server: Server | null = null;
  private port = 0;
  private readonly supervisor = createServer((_, reply) => {
    this.wakeCalls += 1;
    if (this.status === null) return;
    reply.writeHead(this.status).end();
    if (this.status === 200) setTimeout(() => void this.start(), 1_000);
  });

  static async asleep(): Promise<Sleeper> {
    const sleeper = new Sleeper();
    await sleeper.start();
    await sleeper.stop();
    await new Promise<void>((resolve) => sleeper.supervisor.listen(0, '127.0.0.1', resolve));
    onTestFinished(async () => {
      sleeper.supervisor.closeAllConnections();
      sleeper.supervisor.close();
      await sleeper.stop();
    });
    return sleeper;
  }

  register<Answer>(
    service: { register(worker: Readonly<Record<string, unknown>>): Promise<Answer> },
    wake: object = {},
    more: object = {},
  ): Promise<Answer> {
    const { port } = this.supervisor.address() as AddressInfo;
    return service.register({
      model_name: 'sleepy',
      req_url_template: `http://127.0.0.1:${this.port}/chat`,
      body: { p: '{USER_PROMPT}' },
      response_extract: 'answer',
      wake: { request: { url: `http://127.0.0.1:${port}/start` }, ready: { path: '/health' }, ...wake },
      ...more,
    });
  }

  private async start(): Promise<void> {
    if (this.server !== null) return;
    const server = createServer((request, reply) => {
      request.resume().on('end', () => reply.end(JSON.stringify({ answer: 'awake' })));
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  private async stop(): Promise<void> {
    const { server } = this;
    this.server = null;
    server?.closeAllConnections();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }
}
