import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { seededRandom } from '../../../test/seeded-random.js';
import { listening } from '../../listening.js';
import { type Sent, SLOTS } from '../run-once.js';
import { type CallResult, type Phase, SimulatedWorker, HEALTHY } from '../simulated-worker.js';
import { HTTP_SCENARIOS } from './scenarios.js';
import { RealTime, SPEED } from './real-time.js';

/** The workers of a play as real servers, in a process of their own. Told what to do by its parent, one thing at a time. */
export type Order =
  | { readonly kind: 'listen'; readonly play: number }
  | { readonly kind: 'begin'; readonly atMs: number; readonly seed: number }
  | { readonly kind: 'end' };

const BYTES_A_UNIT = 4;

class RealWorker {
  readonly sent: Sent[] = [];
  private readonly server: Server = createServer((request, response) => void this.serve(request, response));
  private upstream: SimulatedWorker | null = null;
  private time = new RealTime(0);

  constructor(
    private readonly index: number,
    private readonly phases: readonly Phase[],
  ) {}

  listen(): Promise<number> {
    return listening(this.server);
  }

  begin(atMs: number, seed: number): void {
    this.time = new RealTime(atMs);
    this.upstream = new SimulatedWorker(
      this.time,
      SLOTS,
      this.phases,
      seededRandom(seed * 104_729 + this.index),
      Infinity,
    );
    const address = this.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    for (const [at, { fromMs, conduct }] of this.phases.entries()) {
      const wasGone = this.phases[at - 1]?.conduct.fault === 'refused';
      if (conduct.fault === 'refused') this.time.at(fromMs, () => this.leave());
      else if (wasGone) this.time.at(fromMs, () => void this.server.listen(port, '127.0.0.1'));
    }
  }

  async end(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.leave();
    await closed;
  }

  /** As a killed process does: the port refuses, and every connection breaks. */
  private leave(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request).catch(() => null);
    if (body === null) return;
    if (request.url === '/health') this.answerProbe(response);
    else {
      const { prompt } = JSON.parse(body) as { prompt: string };
      const [workMs = 0, units = 0] = prompt.split(' ').map(Number);
      const end = (ending: CallResult): void => answer(response, ending, units);
      if (this.upstream === null) end('served');
      else {
        this.sent.push({ atMs: this.time.passedMs(), worker: this.index });
        this.upstream.send(workMs, end);
      }
    }
  }

  private answerProbe(response: ServerResponse): void {
    const { probe, slowness } = this.upstream?.behaviour ?? HEALTHY;
    if (probe === 'bad') response.writeHead(500).end();
    else if (slowness !== Infinity) response.writeHead(200).end();
  }
}

function answer(response: ServerResponse, ending: CallResult, units: number): void {
  if (ending === 'served') {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ answer: 'x'.repeat(units * BYTES_A_UNIT) }));
  } else if (ending === '500') response.writeHead(500).end();
  else response.destroy();
}

let workers: readonly RealWorker[] = [];

async function obey(order: Order): Promise<object> {
  switch (order.kind) {
    case 'listen':
      workers = (HTTP_SCENARIOS[order.play]?.setup.workers ?? []).map(
        (phases, at) => new RealWorker(at, phases),
      );
      return { ports: await Promise.all(workers.map((worker) => worker.listen())), speed: SPEED };
    case 'begin':
      for (const worker of workers) worker.begin(order.atMs, order.seed);
      return {};
    case 'end':
      await Promise.all(workers.map((worker) => worker.end()));
      return { sent: workers.flatMap(({ sent }) => sent) };
  }
}

process.on('message', (order) => void obey(order as Order).then((told) => process.send?.(told)));
process.send?.({ ready: true });
