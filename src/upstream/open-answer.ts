import type { AnswerSink, Flow } from './exchange.js';
import { UpstreamError } from './failure.js';
import type { AnswerHeaders } from './headers.js';
import type { MemoryBudget } from './memory-budget.js';
import { HeldBytes, tooLarge, withoutCoding } from './whole-answer.js';

/** Receives an answer chunk by chunk. */
export interface ChunkConsumer {
  /** An error thrown here ends the answer. @returns false: no more until `resume` of the answer is called */
  chunk(chunk: Buffer): boolean;
}

/** The part of a body that has come so far. */
export interface BufferedBody {
  readonly bytes: Buffer;
  readonly isComplete: boolean;
}

interface Limits {
  /** Of an answer that is read whole after all. */
  readonly maxWholeBytes: number;
  /** So long after headers with a 2xx status the answer counts as begun without a byte; `null`: never. */
  readonly silenceMs: number | null;
  /** Counts what is read whole. */
  readonly budget: MemoryBudget;
}

/**
 * How long to wait for the end of an answer whose rest is not needed. Most often it follows at once, and the connection
 * can be kept; a longer wait would cost more than a new connection.
 */
const LINGER_MS = 250;

/** An answer that has begun: its chunks are passed to a consumer at the consumer's pace and not kept. */
export class OpenAnswer implements AnswerSink {
  status = 0;
  /** When the headers came, by `performance.now()`. */
  headAtMs = 0;
  /** As received, without those of a coding that was removed. */
  headers: AnswerHeaders = {};
  #flow: Flow | null = null;
  /** Chunks that came before the consumer: one, since the flow is paused from then on, or a few in transit. */
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

  /** The first chunk before the consumer takes it; `undefined`: no byte came yet. */
  get firstBytes(): Buffer | undefined {
    return this.#held[0];
  }

  /**
   * Passes the chunks to `consumer`; resolves after the last. Called once.
   * @throws UpstreamError when the answer fails, and what `consumer` throws
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

  /** The body so far, before the consumer takes it. */
  get buffered(): BufferedBody {
    const [first, ...more] = this.#held;
    const bytes = first !== undefined && more.length === 0 ? first : Buffer.concat(this.#held);
    return { bytes, isComplete: this.#outcome !== null && this.#outcome.error === null };
  }

  /** Discards the answer. */
  discard(): void {
    this.#held = [];
    this.#flow?.cancel();
  }

  /** The whole body, decompressed. @throws UpstreamError, `too_large` beyond MAX_RESPONSE_BYTES and `no_memory` too */
  async readAll(): Promise<Buffer> {
    const { maxWholeBytes, budget } = this.limits;
    const held = new HeldBytes(budget);
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      await this.pipeTo({
        chunk: (chunk) => {
          size += chunk.length;
          if (size > maxWholeBytes) throw tooLarge(maxWholeBytes);
          held.growTo(size);
          return chunks.push(chunk) > 0;
        },
      });
    } finally {
      held.release();
    }
    return withoutCoding(Buffer.concat(chunks, size), this.headers, maxWholeBytes, budget);
  }

  /** Everything needed has come: `pipeTo` resolves as if this were the end. */
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

  /** The consumer has failed: the rest is discarded. */
  #stop(error: unknown): void {
    this.#consumer = null;
    this.#held = [];
    this.#outcome = {
      error: error instanceof Error ? error : new Error('the consumer failed', { cause: error }),
    };
    this.#flow?.cancel();
    this.#settle?.();
  }

  /** The rest is small: a consumer that never resumes must not keep the answer open. */
  #settleIfDone(): void {
    if (this.#outcome === null || this.#consumer === null) return;
    for (const chunk of this.#held.splice(0)) this.#give(chunk);
    this.#settle?.();
  }
}

/** Headers are no output: another worker may be tried. */
function beforeItBegan(error: UpstreamError): UpstreamError {
  if (error.kind !== 'broken') return error;
  return new UpstreamError('closed_before_answer', error.message, {
    cause: error,
    forClient: error.forClient,
  });
}
