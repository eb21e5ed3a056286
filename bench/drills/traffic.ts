import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface TrafficPlan {
  /** The address for the next call. */
  readonly url: () => string;
  /** The models of the next calls. */
  readonly models: () => readonly string[];
  /** The mean time between two whole calls, and between two streams. */
  readonly wholeEveryMs: number;
  readonly streamEveryMs: number;
  /** Which failed calls do not count: none, if left out. */
  readonly isExpected?: (failure: Failure) => boolean;
}

export interface Failure {
  readonly at: string;
  readonly model: string;
  readonly isStream: boolean;
  /** The status and the body, or the code of a broken connection. */
  readonly what: string;
}

export interface Tally {
  readonly whole: number;
  readonly streams: number;
  readonly failures: readonly Failure[];
  readonly expected: number;
}

const LONGEST_MS = 60_000;
const ALONE = new Agent({ keepAlive: false });

/**
 * Calls at random times, as many clients would: it does not wait for answers before it calls again. Each call has a
 * connection of its own, so that only what the service does is seen.
 */
export class Traffic {
  private readonly running = new Set<Promise<void>>();
  private readonly failures: Failure[] = [];
  private readonly loops: Promise<unknown>;
  private readonly stopping = new AbortController();
  private whole = 0;
  private streams = 0;
  private expected = 0;

  constructor(private readonly plan: TrafficPlan) {
    this.loops = Promise.all([this.repeat(plan.wholeEveryMs, false), this.repeat(plan.streamEveryMs, true)]);
  }

  get tally(): Tally {
    const { whole, streams, failures, expected } = this;
    return { whole, streams, failures: [...failures], expected };
  }

  /** Waits for the running calls. */
  async stop(): Promise<Tally> {
    this.stopping.abort();
    await this.loops;
    await Promise.all(this.running);
    return this.tally;
  }

  private async repeat(everyMs: number, isStream: boolean): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      // Exponential pauses: arrivals that know nothing of each other.
      await sleep(-Math.log(1 - Math.random()) * everyMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const models = this.plan.models();
      const model = models[Math.floor(Math.random() * models.length)];
      if (model === undefined) continue;
      const call = this.call(model, isStream).finally(() => this.running.delete(call));
      this.running.add(call);
    }
  }

  private async call(model: string, isStream: boolean): Promise<void> {
    const at = new Date().toISOString();
    const what = await chat(this.plan.url(), model, isStream).catch(
      (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error),
    );
    if (isStream) this.streams += 1;
    else this.whole += 1;
    if (what === null) return;
    const failure = { at, model, isStream, what };
    if (this.plan.isExpected?.(failure) === true) this.expected += 1;
    else this.failures.push(failure);
  }
}

/** @returns what went wrong; `null`: nothing */
async function chat(url: string, model: string, stream: boolean): Promise<string | null> {
  const messages = [{ role: 'user', content: 'Tell me something.' }];
  const { status, text } = await send('POST', `${url}/v1/chat/completions`, { model, stream, messages });
  return faultOf(status, text, stream);
}

/** One request on a connection of its own. @throws Error when it breaks */
export function send(
  method: string,
  url: string,
  body?: object,
): Promise<{ readonly status: number; readonly text: string }> {
  const sent = body === undefined ? '' : JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) };
  return new Promise((resolve, reject) => {
    const call = request(url, { method, agent: ALONE, headers: body === undefined ? {} : headers });
    call.setTimeout(LONGEST_MS, () => call.destroy(new Error(`no answer for ${LONGEST_MS} ms`)));
    call.on('error', reject);
    call.on('response', (answer: IncomingMessage) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (text += chunk));
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    call.end(sent);
  });
}

function faultOf(status: number, text: string, stream: boolean): string | null {
  if (status !== 200) return `${status} ${text.slice(0, 300)}`;
  const isWhole = stream ? text.includes('data: [DONE]') : text.includes('"finish_reason":"stop"');
  return isWhole ? null : `cut off: …${text.slice(-200)}`;
}

/** Lines for a report: how often each kind of failure was seen, and one of each. */
export function byKind(failures: readonly Failure[]): readonly string[] {
  const kinds = new Map<string, Failure[]>();
  for (const failure of failures) {
    const kind = failure.what.replaceAll(/[\d-]+/g, '#').slice(0, 120);
    kinds.set(kind, [...(kinds.get(kind) ?? []), failure]);
  }
  return [...kinds.values()].map((all) => `${all.length} × ${JSON.stringify(all[0])}`);
}
