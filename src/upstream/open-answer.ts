import type { AnswerHeaders, AnswerSink, Flow } from './exchange.js';
import { UpstreamError } from './upstream-error.js';

/** Who takes an answer piece by piece. */
export interface ChunkConsumer {
  /** @returns false: no more until `resume` of the answer is called */
  chunk(chunk: Buffer): boolean;
}

/** An answer that has begun, and comes piece by piece: as fast as it is taken, and never kept. */
export class OpenAnswer implements AnswerSink {
  status = 0;
  /** As they came. */
  headers: AnswerHeaders = {};
  #flow: Flow | null = null;
  /** What came before anybody took it: one piece, since the flow is held up from then on, or a few that were on their way. */
  readonly #held: Buffer[] = [];
  #hasBegun = false;
  #consumer: ChunkConsumer | null = null;
  #outcome: { readonly error: UpstreamError | null } | null = null;
  #settle: (() => void) | null = null;

  constructor(
    private readonly maxWholeBytes: number,
    private readonly begun: (answer: OpenAnswer) => void,
    private readonly failed: (error: UpstreamError) => void,
  ) {}

  head(status: number, headers: AnswerHeaders, flow: Flow): void {
    this.status = status;
    this.headers = headers;
    this.#flow = flow;
  }

  chunk(chunk: Buffer): void {
    if (this.#consumer !== null && this.#held.length === 0) {
      if (!this.#consumer.chunk(chunk)) this.#flow?.pause();
      return;
    }
    this.#held.push(chunk);
    this.#flow?.pause();
    this.#begin();
  }

  end(): void {
    this.#outcome = { error: null };
    this.#begin();
    this.#settleIfDone();
  }

  fail(error: UpstreamError): void {
    this.#outcome = { error };
    if (this.#hasBegun) this.#settleIfDone();
    else this.failed(error);
  }

  /** Gives the pieces to `consumer`; resolves after the last. To be called once. @throws UpstreamError when it broke off */
  relayTo(consumer: ChunkConsumer): Promise<void> {
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
    while (this.#held.length > 0 && this.#consumer !== null) {
      const [next] = this.#held.splice(0, 1);
      if (next !== undefined && !this.#consumer.chunk(next)) return;
    }
    this.#flow?.resume();
    this.#settleIfDone();
  }

  /** All of it. @throws UpstreamError, `too_large` beyond MAX_RESPONSE_BYTES too */
  async whole(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    let tooLarge = false;
    await this.relayTo({
      chunk: (chunk) => {
        size += chunk.length;
        if (size <= this.maxWholeBytes) chunks.push(chunk);
        else tooLarge = true;
        return true;
      },
    });
    if (!tooLarge) return Buffer.concat(chunks, size);
    throw new UpstreamError('too_large', `the answer is larger than ${this.maxWholeBytes} bytes`, {
      answerBegan: true,
    });
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.begun(this);
  }

  #settleIfDone(): void {
    if (this.#outcome === null || this.#held.length > 0) return;
    this.#settle?.();
  }
}
