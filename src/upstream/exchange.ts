import type { Dispatcher } from 'undici';
import { classifyFailure } from './classify-failure.js';
import { nextTimeout, timeoutMessages, type Progress, type UpstreamTimeouts } from './timeouts.js';
import { AnswerHeaders, UpstreamError } from './upstream-errors.js';

/** Holds up an answer whose reader is slower than its writer. What is held up is not late: only the total counts. */
export interface Flow {
  pause(): void;
  resume(): void;
  /** Nobody wants the rest: ends the exchange without another word to its sink. */
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

/**
 * What an exchange needs of an AbortSignal, which is one of these. A lighter one of the caller's own will do as well:
 * making an AbortSignal and listening to it is a tenth of the whole CPU time of a short call.
 */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: { handleEvent(): void }): void;
  removeEventListener(type: 'abort', listener: { handleEvent(): void }): void;
}

/** One function for all timers, so that none costs a closure. */
const look = (exchange: Exchange): void => exchange.look();

/** The longest that setTimeout can wait; more would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * One request on its way through undici: keeps its deadlines with a single timer, obeys the caller's signal, and
 * tells the sink. The timer is set for the first wait that could run out and looks again when it fires, so that
 * no piece of an answer costs a timer.
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

  /** The caller's signal fired. */
  handleEvent(): void {
    this.#fail(new UpstreamError('aborted', 'the caller gave up', this.#facts));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#reusedConnection = !this.newConnection.take();
    if (this.#over) return controller.abort(new Error('over before it was sent'));
    this.sentAt = performance.now();
    if (this.timeouts.firstByteMs !== null) this.look();
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
    if (isFirst && this.timeouts.idleMs !== null) this.look();
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
    this.look();
  }

  cancel(): void {
    if (this.#finish()) this.#controller?.abort(new Error('nobody wants the rest'));
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
    return setTimeout(look, Math.min(Math.ceil(delayMs), longestTimerMs), this).unref();
  }

  /** Fails if a wait has run out, else waits on for the next that can. */
  look(): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    // What is held up here is not late.
    const timeouts = this.#controller?.paused === true ? { ...this.timeouts, idleMs: null } : this.timeouts;
    const { at, during } = nextTimeout(this, timeouts);
    const leftMs = at - performance.now();
    if (leftMs > 0) this.#timer = this.#wait(leftMs);
    else {
      const message = `${this.#host} ${timeoutMessages[during](this.timeouts)}`;
      this.#fail(new UpstreamError('timeout', message, { ...this.#facts, during }));
    }
  }

  get #facts(): { answerBegan: boolean } {
    return { answerBegan: this.#answerBegan };
  }

  get #host(): string {
    return this.origin.slice(this.origin.indexOf('//') + 2);
  }
}

/**
 * Tells a call that is the first of its connection from the later ones. An agent says that it has connected, and sends
 * the first call in the same breath.
 */
export class NewConnection {
  #isThere = false;

  made(): void {
    this.#isThere = true;
    queueMicrotask(() => (this.#isThere = false));
  }

  /** Whether there is one that nobody has used; from now on somebody has. */
  take(): boolean {
    const wasThere = this.#isThere;
    this.#isThere = false;
    return wasThere;
  }
}
