import { setTimeout as sleep } from 'node:timers/promises';
import type { ReplicaProcess } from '../replica-process.js';
import { tokensOf } from './counting-upstream.js';

export const ADMIN_KEY = 'the-admin-key-of-the-drill';
export const MODEL = 'counted';
export const keyText = (key: number): string => `mmm_key-${key}-of-the-drill`;

/** What the callers with one key know. */
export interface Truth {
  readonly key: string;
  answered: number;
  brokenOff: number;
  /** Tokens in whole answers. */
  reported: number;
  /** Of these, in answers of a killed replica shortly before its end. */
  losable: number;
  /** Of requests that broke off: they may be counted. */
  uncertain: number;
}

interface Answered {
  readonly truth: Truth;
  readonly tokens: number;
  readonly atMs: number;
}

/** Sends requests to all replicas in turn, whole and streamed, and notes what the answers report. */
export class Callers {
  readonly truth: readonly Truth[];
  done = 0;
  /** Whether they send more than `requests`, since something is still to happen meanwhile. */
  goOn = true;
  private next = 0;
  private readonly unused = new Set<string>();
  private readonly recent = new Map<string, Answered[]>();

  constructor(
    private readonly replicas: readonly ReplicaProcess[],
    private readonly requests: number,
    keys: number,
    private readonly pauseMs: number,
  ) {
    this.truth = Array.from({ length: keys }, (_, key) => ({
      key: String(key),
      answered: 0,
      brokenOff: 0,
      reported: 0,
      losable: 0,
      uncertain: 0,
    }));
  }

  async run(callers: number): Promise<void> {
    await Promise.all(Array.from({ length: callers }, () => this.loop()));
  }

  /** What this replica answered since then may be lost. */
  killed(name: string, sinceMs: number): void {
    this.unused.add(name);
    for (const { truth, tokens, atMs } of this.recent.get(name) ?? [])
      if (atMs >= sinceMs) truth.losable += tokens;
    this.recent.delete(name);
  }

  /** It gets no new requests. */
  spare(name: string): void {
    this.unused.add(name);
  }

  use(name: string): void {
    this.unused.delete(name);
  }

  private async loop(): Promise<void> {
    while (this.next < this.requests || this.goOn) {
      const number = this.next++;
      let replica = this.replicaFor(number);
      while (replica === undefined) {
        await sleep(10);
        replica = this.replicaFor(number);
      }
      await this.call(number, replica);
      this.done += 1;
      if (this.pauseMs > 0) await sleep(this.pauseMs);
    }
  }

  private replicaFor(number: number): ReplicaProcess | undefined {
    const usable = this.replicas.filter(({ name, url }) => url !== '' && !this.unused.has(name));
    return usable[number % usable.length];
  }

  private async call(number: number, { name, url }: ReplicaProcess): Promise<void> {
    const truth = this.truth[number % this.truth.length];
    if (truth === undefined) return;
    const stream = number % 5 === 0;
    const body = {
      model: MODEL,
      messages: [{ role: 'user', content: String(number) }],
      ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
    };
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${keyText(number % this.truth.length)}`,
    };
    try {
      const answer = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(text);
      this.answered(name, truth, reportedIn(text));
    } catch {
      truth.brokenOff += 1;
      const { input, output } = tokensOf(number);
      truth.uncertain += input + output;
    }
  }

  private answered(name: string, truth: Truth, tokens: number): void {
    truth.answered += 1;
    truth.reported += tokens;
    const answered = { truth, tokens, atMs: performance.now() };
    // Its end is being waited for.
    if (this.unused.has(name)) truth.losable += tokens;
    const recent = this.recent.get(name) ?? [];
    recent.push(answered);
    this.recent.set(name, recent);
  }
}

/** From the answer itself, whole or in events. */
function reportedIn(text: string): number {
  const [, input, output] = /"prompt_tokens":(\d+),"completion_tokens":(\d+)/.exec(text) ?? [];
  if (input === undefined || output === undefined) throw new Error('the answer reports no tokens');
  return Number(input) + Number(output);
}
