import type { AnswerSink, Flow } from './exchange.js';
import type { AnswerHeaders } from './upstream-errors.js';
import { UpstreamError } from './upstream-errors.js';
import { tooLarge, withoutCoding } from './whole-answer.js';

/** Who takes an answer piece by piece. */
export interface ChunkConsumer {
  /** What it throws ends the answer. @returns false: no more until `resume` of the answer is called */
  chunk(chunk: Buffer): boolean;
}

interface Limits {
  /** Of an answer that is taken whole after all. */
  readonly maxWholeBytes: number;
  /** After its headers, if they say 2xx: then it has begun without a byte. `null`: it never has. */
  readonly silenceMs: number | null;
}

/**
 * For the end of an answer whose rest nobody wants: it comes with the last piece or right behind it, and the connection
 * can be kept. One that stays open is worth no longer wait than a new one takes.
 */
const LINGER_MS = 250;

/** An answer that has begun, and comes piece by piece: as fast as it is taken, and never kept. */
export class OpenAnswer implements AnswerSink {
  status = 0;
  /** When its headers came, by `performance.now()`. */
  headAtMs = 0;
  /** As they came, but for those of a coding that was taken away. */
  headers: AnswerHeaders = {};
  #flow: Flow | null = null;
  /** What came before anybody took it: one piece, since the flow is held up from then on, or a few that were on their way. */
  #held: Buffer[] = [];
  #hasBegun = false;
  #silence: NodeJS.Timeout | undefined;
  #linger: NodeJS.Timeout | undefined;
  #consumer: ChunkConsumer | null = null;
  #outcome: { readonly error: Error | null } | null = null;
  #settle: (() => void) | null = null;

  constructor(
    private readonly limits: Limits,
    private readonly begun: (answer: OpenAnswer) => void,
    private readonly failed: (error: UpstreamError) => void,
  ) {}

  head(status: number, headers: AnswerHeaders, flow: Flow): void {
    this.status = status;
    this.headAtMs = performance.now();
    this.headers = headers;
    this.#flow = flow;
    const { silenceMs } = this.limits;
    if (silenceMs !== null && status < 300)
      this.#silence = setTimeout(() => this.#begin(), silenceMs).unref();
  }

  chunk(chunk: Buffer): void {
    if (this.#linger !== undefined) return;
    if (this.#consumer !== null && this.#held.length === 0) {
      if (!this.#give(chunk) && this.#linger === undefined) this.#flow?.pause();
      return;
    }
    this.#held.push(chunk);
    this.#flow?.pause();
    this.#begin();
  }

  end(): void {
    clearTimeout(this.#linger);
    this.#outcome ??= { error: null };
    this.#begin();
    this.#settleIfDone();
  }

  fail(error: UpstreamError): void {
    this.#outcome ??= { error };
    clearTimeout(this.#silence);
    clearTimeout(this.#linger);
    if (this.#hasBegun) this.#settleIfDone();
    else this.failed(beforeItBegan(error));
  }

  /** What is there before anybody takes it; `undefined`: the answer is open without a byte. */
  get firstBytes(): Buffer | undefined {
    return this.#held[0];
  }

  /**
   * Gives the pieces to `consumer`; resolves after the last. To be called once.
   * @throws UpstreamError when it broke off, and what `consumer` throws
   */
  pipeTo(consumer: ChunkConsumer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#consumer = consumer;
      this.#settle = () => {
        const error = this.#outcome?.error ?? null;
        if (error === null) resolve();
        else reject(error);
      };
      this.resume();
    });
  }

  /** The consumer can take more. */
  resume(): void {
    if (this.#consumer === null) return;
    while (this.#held.length > 0) {
      const [next] = this.#held.splice(0, 1);
      if (next !== undefined && !this.#give(next)) break;
    }
    if (this.#held.length === 0) this.#flow?.resume();
    this.#settleIfDone();
  }

  /** What is there before anybody takes it. */
  get buffered(): { readonly bytes: Buffer; readonly isAll: boolean } {
    const [first, ...more] = this.#held;
    const bytes = first !== undefined && more.length === 0 ? first : Buffer.concat(this.#held);
    return { bytes, isAll: this.#outcome !== null && this.#outcome.error === null };
  }

  /** Nobody takes it. */
  discard(): void {
    this.#held = [];
    this.#flow?.cancel();
  }

  /** All of it, in no coding. @throws UpstreamError, `too_large` beyond MAX_RESPONSE_BYTES too */
  async readAll(): Promise<Buffer> {
    const { maxWholeBytes } = this.limits;
    const chunks: Buffer[] = [];
    let size = 0;
    await this.pipeTo({
      chunk: (chunk) => {
        size += chunk.length;
        if (size > maxWholeBytes) throw tooLarge(maxWholeBytes);
        return chunks.push(chunk) > 0;
      },
    });
    return withoutCoding(Buffer.concat(chunks, size), this.headers, maxWholeBytes);
  }

  /** All that was wanted is there: `pipeTo` resolves as if this were the end. */
  finishEarly(): void {
    if (this.#linger !== undefined || this.#outcome !== null) return;
    this.#outcome = { error: null };
    this.#held = [];
    this.#linger = setTimeout(() => this.#flow?.cancel(), LINGER_MS).unref();
    this.#flow?.resume();
    this.#settle?.();
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    clearTimeout(this.#silence);
    this.begun(this);
  }

  #give(chunk: Buffer): boolean {
    try {
      return this.#consumer?.chunk(chunk) ?? true;
    } catch (error) {
      this.#stop(error);
      return true;
    }
  }

  /** Its consumer has failed: nobody takes the rest. */
  #stop(error: unknown): void {
    this.#consumer = null;
    this.#held = [];
    this.#outcome = {
      error: error instanceof Error ? error : new Error('the consumer failed', { cause: error }),
    };
    this.#flow?.cancel();
    this.#settle?.();
  }

  /** What is left is little, and a consumer that never says that it can take more must not keep us waiting. */
  #settleIfDone(): void {
    if (this.#outcome === null || this.#consumer === null) return;
    for (const chunk of this.#held.splice(0)) this.#give(chunk);
    this.#settle?.();
  }
}

/** Of a stream, headers are nothing yet: another worker may be asked. */
function beforeItBegan(error: UpstreamError): UpstreamError {
  if (error.kind !== 'broken') return error;
  return new UpstreamError('closed_before_answer', error.message, { answerBegan: false, cause: error });
}
