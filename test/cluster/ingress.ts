import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { chatOnce, type Tally } from './clients.js';
import type { Replica } from './replica.js';

const LOOK_EVERY_MS = 100;
const BETWEEN_CALLS_MS = 60;

/**
 * Behaves like an ingress: sends to the ready replicas in turn over kept-alive connections, and
 * tries the next one only if nothing was sent, because a chat that was sent may have been served.
 */
export class Ingress {
  private readonly agent = new Agent({ keepAlive: true });
  private readonly tally: Record<string, number> = {};
  private readonly work: Promise<unknown>;
  private ready: readonly string[] = [];
  private turn = 0;
  private isOver = false;

  constructor(
    private readonly replicas: readonly Replica[],
    private readonly model: string,
    clients: number,
  ) {
    this.work = Promise.all([this.watch(), ...Array.from({ length: clients }, () => this.call())]);
  }

  async stop(): Promise<Tally> {
    this.isOver = true;
    await this.work;
    this.agent.destroy();
    return this.tally;
  }

  private async watch(): Promise<void> {
    while (!this.isOver) {
      const ready = await Promise.all(this.replicas.map(urlIfReady));
      this.ready = ready.filter((url) => url !== null);
      await sleep(LOOK_EVERY_MS);
    }
  }

  private async call(): Promise<void> {
    while (!this.isOver) {
      const outcome = await this.send();
      this.tally[outcome] = (this.tally[outcome] ?? 0) + 1;
      await sleep(BETWEEN_CALLS_MS);
    }
  }

  private async send(): Promise<string> {
    for (;;) {
      const url = this.ready[this.turn++ % this.ready.length];
      const outcome = url === undefined ? 'ECONNREFUSED' : await chatOnce(url, this.model, this.agent);
      if (outcome !== 'ECONNREFUSED') return outcome;
      await sleep(10);
    }
  }
}

async function urlIfReady(replica: Replica): Promise<string | null> {
  try {
    const { url } = replica;
    return (await replica.get('/readyz')).status === 200 ? url : null;
  } catch {
    return null; // not started, or not ready
  }
}
