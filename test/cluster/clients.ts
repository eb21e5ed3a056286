import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Replica } from './replica.js';

/** The number of answers by status, and of failures by error code. */
export type Tally = Readonly<Record<string, number>>;

/** Calls come often enough to meet every moment of a fault, and leave the processors to the replicas. */
const BETWEEN_CALLS_MS = 25;

/** Clients of one replica each, which send the next call soon after an answer. */
export class Clients {
  private readonly agent = new Agent({ keepAlive: true });
  private readonly tallies: Record<string, number>[];
  private readonly done: Promise<unknown>;
  private isOver = false;

  private constructor(replicas: readonly Replica[], model: string, each: number) {
    this.tallies = replicas.map(() => ({}));
    this.done = Promise.all(
      replicas.flatMap(({ url }, at) => Array.from({ length: each }, () => this.call(url, model, at))),
    );
  }

  static of(replicas: readonly Replica[], model: string, each = 2): Clients {
    return new Clients(replicas, model, each);
  }

  /** Waits for the running calls. @returns a tally for each replica */
  async stop(): Promise<readonly Tally[]> {
    this.isOver = true;
    await this.done;
    this.agent.destroy();
    return this.tallies;
  }

  private async call(url: string, model: string, at: number): Promise<void> {
    const tally = this.tallies[at] ?? {};
    while (!this.isOver) {
      const outcome = await chatOnce(url, model, this.agent);
      tally[outcome] = (tally[outcome] ?? 0) + 1;
      await sleep(BETWEEN_CALLS_MS);
    }
  }
}

/** The status of one chat, or the error code. The connection is kept alive. */
export function chatOnce(url: string, model: string, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json' };
    const call = request(`${url}/api/v1/chat/completions`, { method: 'POST', agent, headers }, (response) => {
      response.once('error', (error) => resolve(`broken off: ${error.message}`));
      response.once('end', () => resolve(String(response.statusCode)));
      response.resume();
    });
    call.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    call.end(JSON.stringify({ model_name: model, input: 'hi' }));
  });
}
