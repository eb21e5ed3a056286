import { setMaxListeners } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../until.js';
import type { Replica } from '../replica.js';

export interface Message {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

export interface Call {
  /** Under which its end is counted. */
  readonly kind: string;
  readonly model: string;
  /** The replica that it is sent to, and from which on the next ones follow. */
  readonly replica: number;
  readonly messages: readonly Message[];
  readonly headers?: Readonly<Record<string, string>>;
}

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly retryAfterS: number;
}

/** Clients that call until `end`. They turn to the next replica where theirs was killed, and obey a Retry-After. */
export class Traffic {
  /** By kind: how many calls had which status, or error code. */
  readonly ends = new Map<string, Map<string, number>>();
  /** What went wrong in a way that no call may. */
  readonly faults: string[] = [];
  /** Calls that have not ended. */
  open = 0;
  private readonly agent = new Agent({ keepAlive: true });
  private readonly over = new AbortController();
  private readonly killed = new Set<number>();

  constructor(private readonly replicas: readonly Replica[]) {
    setMaxListeners(0, this.over.signal);
  }

  /** So many clients, each of which makes one turn after the other. */
  repeat(clients: number, turn: (client: number) => Promise<void>): void {
    const all = async (client: number): Promise<void> => {
      while (!this.over.signal.aborted) await turn(client);
    };
    for (let client = 0; client < clients; client += 1)
      all(client).catch((error: unknown) => this.faults.push(String(error)));
  }

  /** Sends it once, and again where it was lost with a killed replica. A refusal is waited for as long as it says. */
  async chat(call: Call): Promise<Reply | null> {
    this.open += 1;
    const reply = await this.sent(call);
    this.open -= 1;
    this.count(call.kind, typeof reply === 'string' ? reply : String(reply.status));
    if (typeof reply === 'string') {
      await this.pause(1_000);
      return null;
    }
    if (reply.status === 503) {
      if (!reply.text.includes('your queue is full') || !(reply.retryAfterS >= 1))
        this.faults.push(reply.text);
      await this.pause(1_000 * Math.max(1, reply.retryAfterS || 1));
    }
    return reply;
  }

  async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.over.signal }).catch(() => {});
  }

  /** What is sent to this replica may be lost from now on. */
  async kill(replica: number): Promise<void> {
    this.killed.add(replica);
    await this.replicas[replica]?.killed();
  }

  /** No client calls again. @returns when all calls have ended */
  async end(): Promise<void> {
    this.over.abort();
    await until(() => this.open === 0, 180_000);
    this.agent.destroy();
  }

  private async sent(call: Call): Promise<Reply | string> {
    for (let at = call.replica; ; at += 1) {
      const replica = at % this.replicas.length;
      const url = this.replicas[replica]?.url;
      if (url === undefined || this.killed.has(replica)) continue;
      const reply = await this.post(url, call);
      if (typeof reply !== 'string' || !this.killed.has(replica)) return reply;
    }
  }

  private post(url: string, { model, messages, headers = {} }: Call): Promise<Reply | string> {
    return new Promise((resolve) => {
      const sent = { 'content-type': 'application/json', ...headers };
      const options = { method: 'POST', agent: this.agent, headers: sent };
      const call = request(`${url}/v1/chat/completions`, options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        response.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        response.once('end', () => {
          const retryAfterS = Number(response.headers['retry-after']);
          resolve({ status: response.statusCode ?? 0, text, retryAfterS });
        });
      });
      call.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      call.end(JSON.stringify({ model, messages }));
    });
  }

  private count(kind: string, end: string): void {
    const its = this.ends.get(kind) ?? new Map<string, number>();
    this.ends.set(kind, its.set(end, (its.get(end) ?? 0) + 1));
  }
}
