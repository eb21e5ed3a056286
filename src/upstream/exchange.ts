import type { Dispatcher } from 'undici';
import { classifyFailure } from './classify-failure.js';
import { nextTimeout, timeoutMessages, type Progress, type UpstreamTimeouts } from './timeouts.js';
import { UpstreamError } from './failure.js';
import type { AnswerHeaders } from './headers.js';

/** Back-pressure: pauses an answer whose reader is slow. While it is paused only the total timeout runs. */
export interface Flow {
  pause(): void;
  resume(): void;
  /** Discards the rest: ends the exchange without another call of its sink. */
  cancel(): void;
}

/**
 * Where an answer goes. `end` or `fail` is called exactly once, last.
 * What `head` and `chunk` throw ends the exchange with it.
 */
export interface AnswerSink {
  head(status: number, headers: AnswerHeaders, flow: Flow): void;
  chunk(chunk: Buffer): void;
  end(): void;
  fail(error: UpstreamError): void;
}

/** The part of AbortSignal that an exchange needs. An AbortSignal itself costs a tenth of the CPU time of a short call. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: { handleEvent(): void }): void;
  removeEventListener(type: 'abort', listener: { handleEvent(): void }): void;
}

/** One function for all timers, so that none costs a closure. */
const checkTimeouts = (exchange: Exchange): void => exchange.checkTimeouts();

/** The longest that setTimeout can wait; more would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * One request in progress in undici: enforces its timeouts, follows the client's signal and feeds the sink. A single
 * timer is set for the first timeout that can expire and checks again when it fires: no chunk costs a timer.
 */
export class Exchange implements Dispatcher.DispatchHandler, Progress, Flow {
  readonly calledAt = performance.now();
  sentAt: number | null = null;
  lastByteAt: number | null = null;
  #controller: Dispatcher.DispatchController | null = null;
  #answerBegan = false;
  #reusedConnection = false;
  #over = false;
  #timer: NodeJS.Timeout;

  constructor(
    private readonly origin: string,
    private readonly timeouts: UpstreamTimeouts,
    private readonly signal: CancelSignal | null,
    private readonly sink: AnswerSink,
    private readonly newConnection: NewConnection,
  ) {
    this.#timer = this.#wait(Math.min(timeouts.connectMs, timeouts.totalMs));
    signal?.addEventListener('abort', this);
  }

  /** The signal fired. */
  handleEvent(): void {
    this.#fail(new UpstreamError('aborted', 'the client disconnected'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#reusedConnection = !this.newConnection.take();
    if (this.#over) return controller.abort(new Error('ended before it was sent'));
    this.sentAt = performance.now();
    if (this.timeouts.firstByteMs !== null) this.checkTimeouts();
  }

  onResponseStarted(): void {
    this.#answerBegan = true;
  }

  onResponseStart(_controller: unknown, status: number, headers: AnswerHeaders): void {
    if (status >= 200) this.sink.head(status, headers, this);
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    if (this.#over) return;
    const isFirst = this.lastByteAt === null;
    if (this.timeouts.idleMs !== null || isFirst) this.lastByteAt = performance.now();
    if (isFirst && this.timeouts.idleMs !== null) this.checkTimeouts();
    this.sink.chunk(chunk);
  }

  onResponseEnd(): void {
    if (this.#finish()) this.sink.end();
  }

  onResponseError(_controller: unknown, error: Error): void {
    const point = {
      host: this.#host,
      sent: this.sentAt !== null,
      answerBegan: this.#answerBegan,
      reusedConnection: this.#reusedConnection,
    };
    if (this.#finish()) this.sink.fail(classifyFailure(error, point));
  }

  pause(): void {
    if (!this.#over) this.#controller?.pause();
  }

  resume(): void {
    if (this.#over || this.#controller?.paused !== true) return;
    this.#controller.resume();
    if (this.timeouts.idleMs === null) return;
    this.lastByteAt = performance.now();
    this.checkTimeouts();
  }

  cancel(): void {
    if (this.#finish()) this.#controller?.abort(new Error('the rest is not needed'));
  }

  /** Ends the exchange from this side, and with it the connection. */
  #fail(error: UpstreamError): void {
    if (!this.#finish()) return;
    this.#controller?.abort(error);
    this.sink.fail(error);
  }

  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#timer);
    this.signal?.removeEventListener('abort', this);
    return true;
  }

  #wait(delayMs: number): NodeJS.Timeout {
    return setTimeout(checkTimeouts, Math.min(Math.ceil(delayMs), LONGEST_TIMER_MS), this).unref();
  }

  /** Fails if a timeout has expired, else waits for the next that can. */
  checkTimeouts(): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    // A paused answer is not idle.
    const timeouts = this.#controller?.paused === true ? { ...this.timeouts, idleMs: null } : this.timeouts;
    const { at, kind } = nextTimeout(this, timeouts);
    const leftMs = at - performance.now();
    if (leftMs > 0) this.#timer = this.#wait(leftMs);
    else {
      const message = timeoutMessages[kind](this.timeouts);
      // Headers without a body: the work has begun, and a retry would repeat it.
      const hasHeaders = kind === 'first_byte_timeout' && this.#answerBegan;
      this.#fail(
        new UpstreamError(hasHeaders ? 'body_timeout' : kind, `${this.#host} ${message}`, {
          forClient: `the worker ${message}`,
        }),
      );
    }
  }

  get #host(): string {
    return this.origin.slice(this.origin.indexOf('//') + 2);
  }
}

/**
 * Distinguishes the first call of a connection from later ones: an agent reports that it has connected and sends the first
 * call in the same tick.
 */
export class NewConnection {
  #isUnused = false;

  made(): void {
    this.#isUnused = true;
    queueMicrotask(() => (this.#isUnused = false));
  }

  /** Whether the connection is unused; from now on it is used. */
  take(): boolean {
    const wasUnused = this.#isUnused;
    this.#isUnused = false;
    return wasUnused;
  }
}
