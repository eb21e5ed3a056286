import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { seededRandom } from '../../../test/seeded-random.js';
import { listening } from '../../listening.js';
import { type RunningAttempt, type Sent, SLOTS } from '../run-once.js';
import { type CallResult, HEALTHY, type Phase, SimulatedWorker } from '../simulated-worker.js';
import { HTTP_SCENARIOS } from './scenarios.js';
import { RealTime, SPEED } from './real-time.js';

/** The workers of a scenario as real servers in their own process, which handles one command of its parent at a time. */
export type Command =
  | { readonly kind: 'listen'; readonly scenario: number }
  | { readonly kind: 'begin'; readonly atMs: number; readonly seed: number }
  | { readonly kind: 'end' };

const BYTES_PER_TOKEN = 4;

class RealWorker {
  readonly sent: Sent[] = [];
  private readonly server: Server = createServer((request, response) => void this.serve(request, response));
  private worker: SimulatedWorker | null = null;
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
    this.worker = new SimulatedWorker(
      this.time,
      SLOTS,
      this.phases,
      seededRandom(seed * 104_729 + this.index),
      Infinity,
    );
    const address = this.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    for (const [at, { fromMs, behaviour }] of this.phases.entries()) {
      const wasGone = this.phases[at - 1]?.behaviour.fault === 'refused';
      if (behaviour.fault === 'refused') this.time.at(fromMs, () => this.stopListening());
      else if (wasGone) this.time.at(fromMs, () => void this.server.listen(port, '127.0.0.1'));
    }
  }

  async end(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.stopListening();
    await closed;
  }

  /** Behaves like a killed process: closes the port and breaks every connection. */
  private stopListening(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request).catch(() => null);
    if (body === null) return;
    if (request.url === '/health') this.answerProbe(response);
    else {
      const { prompt } = JSON.parse(body) as { prompt: string };
      const [workMs = 0, tokens = 0] = prompt.split(' ').map(Number);
      const end = (result: CallResult): void => answer(response, result, tokens);
      if (this.worker === null) end('served');
      else {
        const attempt: RunningAttempt = { atMs: this.time.passedMs(), worker: this.index, endedMs: null };
        this.sent.push(attempt);
        this.worker.send(workMs, (result) => {
          attempt.endedMs = this.time.passedMs();
          end(result);
        });
      }
    }
  }

  private answerProbe(response: ServerResponse): void {
    const { probe, relativeLatency } = this.worker?.behaviour ?? HEALTHY;
    if (probe === 'bad') response.writeHead(500).end();
    else if (relativeLatency !== Infinity) response.writeHead(200).end();
  }
}

function answer(response: ServerResponse, result: CallResult, tokens: number): void {
  if (result === 'served') {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ answer: 'x'.repeat(tokens * BYTES_PER_TOKEN) }));
  } else if (result === '500') response.writeHead(500).end();
  else response.destroy();
}

let workers: readonly RealWorker[] = [];

async function run(command: Command): Promise<object> {
  switch (command.kind) {
    case 'listen':
      workers = (HTTP_SCENARIOS[command.scenario]?.setup.workers ?? []).map(
        (phases, at) => new RealWorker(at, phases),
      );
      return { ports: await Promise.all(workers.map((worker) => worker.listen())), speed: SPEED };
    case 'begin':
      for (const worker of workers) worker.begin(command.atMs, command.seed);
      return {};
    case 'end':
      await Promise.all(workers.map((worker) => worker.end()));
      return { sent: workers.flatMap(({ sent }) => sent) };
  }
}

process.on('message', (command) => void run(command as Command).then((reply) => process.send?.(reply)));
process.send?.({ ready: true });
