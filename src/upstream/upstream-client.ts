import { Agent } from 'undici';
import { DecodingSink } from './content-coding.js';
import type { UpstreamTimeouts } from './timeouts.js';
import { type AnswerSink, type CancelSignal, Exchange, NewConnection } from './exchange.js';
import { guardedConnector } from './guarded-connections.js';
import { MemoryBudget } from './memory-budget.js';
import { OpenAnswer } from './open-answer.js';
import { UpstreamError } from './failure.js';
import type { UpstreamGuard } from './upstream-guard.js';
import { WholeAnswer, type UpstreamAnswer } from './whole-answer.js';

export interface UpstreamCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Scheme, host and port, as `URL.origin` writes them. */
  readonly origin: string;
  /** Path and query, percent-encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | null;
  readonly timeouts: UpstreamTimeouts;
  /** true: uses a connection made for this call alone, since a kept one may have just been closed by the server. */
  readonly freshConnection?: boolean;
}

/** How long an idle connection is kept where the server names no limit: uvicorn closes after 5 s without a header that says so. */
const keepAliveMs = 4_000;
/** Where the server names a limit: at most what middleboxes keep, and a second less than the limit. */
const keepAliveMaxMs = 60_000;
const keepAliveMarginMs = 1_000;

interface Connections {
  readonly agent: Agent;
  readonly newConnection: NewConnection;
}

/** The inference path: pooled connections to workers, no redirects, no proxies, no retries of its own. */
export class UpstreamClient {
  /** By connect timeout, rounded up to a power of two: undici fixes it per agent. */
  readonly #kept = new Map<number, Connections>();
  readonly #own = new Map<number, Connections>();
  #closed: Promise<unknown> | null = null;

  constructor(
    private readonly guard: UpstreamGuard,
    private readonly limits: { readonly maxResponseBytes: number },
    private readonly budget = new MemoryBudget(Infinity),
  ) {}

  /** Any status is an answer, redirects included. @throws UpstreamError and nothing else */
  send(call: UpstreamCall, signal: CancelSignal | null): Promise<UpstreamAnswer> {
    return new Promise((resolve, reject) => {
      this.#dispatch(
        call,
        signal,
        new WholeAnswer(this.limits.maxResponseBytes, this.budget, resolve, reject),
      );
    });
  }

  /** Like `send`, but an answer of a success that is large and can pass on as it comes is handed over before its end. */
  sendOrOpen(call: UpstreamCall, signal: CancelSignal | null): Promise<UpstreamAnswer | OpenAnswer> {
    const { maxResponseBytes } = this.limits;
    return new Promise((resolve, reject) => {
      const limits = { maxWholeBytes: maxResponseBytes, silenceMs: null, budget: this.budget };
      const openLarge = (): OpenAnswer => new OpenAnswer(limits, resolve, reject);
      this.#dispatch(
        call,
        signal,
        new WholeAnswer(maxResponseBytes, this.budget, resolve, reject, openLarge),
      );
    });
  }

  /**
   * Like `send`, but resolves with the first chunk of the body, or its end; `pipeTo` takes the rest. Until then a failure
   * rejects, and another worker may be tried. A server that sends a 2xx status and then nothing for `silenceMs` has
   * answered, too: the client must see a sign of life.
   */
  open(
    call: UpstreamCall,
    signal: CancelSignal | null,
    silenceMs: number | null = null,
  ): Promise<OpenAnswer> {
    const limits = { maxWholeBytes: this.limits.maxResponseBytes, silenceMs, budget: this.budget };
    return new Promise((resolve, reject) => {
      this.#dispatch(call, signal, new DecodingSink(new OpenAnswer(limits, resolve, reject)));
    });
  }

  /** Lets running calls finish, then closes every connection; calls made meanwhile fail as `aborted`. */
  async close(): Promise<void> {
    this.#closed ??= Promise.all(this.#agents.map((agent) => agent.close()));
    await this.#closed;
  }

  /** Ends running calls too: they fail as `aborted`. */
  abort(): void {
    for (const agent of this.#agents) void agent.destroy();
  }

  #dispatch(call: UpstreamCall, signal: CancelSignal | null, sink: AnswerSink): void {
    if (signal?.aborted === true) return sink.fail(aborted('the client disconnected'));
    if (this.#closed !== null) return sink.fail(aborted('this service is closing its connections'));
    const { agent, newConnection } = this.#connectionsFor(call);
    agent.dispatch(call, new Exchange(call.origin, call.timeouts, signal, sink, newConnection));
  }

  get #agents(): readonly Agent[] {
    return [...this.#kept.values(), ...this.#own.values()].map(({ agent }) => agent);
  }

  #connectionsFor({
    timeouts: { connectMs },
    freshConnection: ownConnection = false,
  }: UpstreamCall): Connections {
    const atMostMs = 2 ** Math.ceil(Math.log2(connectMs));
    const all = ownConnection ? this.#own : this.#kept;
    const known = all.get(atMostMs);
    if (known !== undefined) return known;
    const agent = new Agent({
      connect: guardedConnector(this.guard, atMostMs),
      allowH2: false,
      // 0: one call a connection.
      pipelining: ownConnection ? 0 : 1,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMaxMs,
      keepAliveTimeoutThreshold: keepAliveMarginMs,
      // The exchange enforces the timeouts.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const connections = { agent, newConnection: new NewConnection() };
    agent.on('connect', () => connections.newConnection.made());
    all.set(atMostMs, connections);
    return connections;
  }
}

function aborted(message: string): UpstreamError {
  return new UpstreamError('aborted', message);
}
