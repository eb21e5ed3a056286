import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A worker whose process ends while it sleeps, and what starts it. */
export class Sleeper {
  wakeCalls = 0;
  /** What the next wake request is answered; `null`: nothing, until `answerNow`. */
  status: number | null = 200;
  private server: Server | null = null;
  private port = 0;
  private readonly unanswered: ServerResponse[] = [];
  private starting: NodeJS.Timeout | undefined;
  private readonly supervisor = createServer((_, reply) => {
    this.wakeCalls += 1;
    this.unanswered.push(reply);
    this.answer();
  });

  /** Closed when the test ends. */
  static async asleep(): Promise<Sleeper> {
    const sleeper = await Sleeper.open();
    onTestFinished(() => sleeper.close());
    return sleeper;
  }

  /** Asleep. The caller has to close it. */
  static async open(): Promise<Sleeper> {
    const sleeper = new Sleeper();
    await sleeper.start();
    await sleeper.fallAsleep();
    await new Promise<void>((resolve) => sleeper.supervisor.listen(0, '127.0.0.1', resolve));
    return sleeper;
  }

  async close(): Promise<void> {
    this.supervisor.closeAllConnections();
    this.supervisor.close();
    await this.fallAsleep();
  }

  /** Answers the wake requests that wait, and those to come. */
  answerNow(): void {
    this.status = 200;
    this.answer();
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

  async fallAsleep(): Promise<void> {
    const { server } = this;
    clearTimeout(this.starting);
    this.starting = undefined;
    this.server = null;
    server?.closeAllConnections();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  private answer(): void {
    const { status } = this;
    if (status === null) return;
    for (const reply of this.unanswered.splice(0)) {
      reply.writeHead(status).end();
      if (status === 200) this.starting ??= setTimeout(() => void this.start(), 1_000);
    }
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
}
