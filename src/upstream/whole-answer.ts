import { TextDecoder } from 'node:util';
import { type Coding, codingOf } from './content-coding.js';
import type { AnswerSink, Flow } from './exchange.js';
import { UpstreamError } from './failure.js';
import { type AnswerHeaders, isEventStream } from './headers.js';
import { COUNTED_ANSWER, type MemoryBudget } from './memory-budget.js';
import { MemoryExhaustedError } from './upstream-errors.js';

/** An answer, whole. */
export class UpstreamAnswer {
  constructor(
    readonly status: number,
    /** As received: `content-length` and `content-encoding` describe the bytes on the wire, not `bytes`. */
    readonly headers: AnswerHeaders,
    /** The body, decompressed. */
    readonly bytes: Buffer,
  ) {}

  get text(): string {
    return decodedText(this.bytes, single(this.headers['content-type']));
  }
}

const single = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : value?.join(', ');

const CHARSET = /;\s*charset\s*=\s*"?([^\s";]+)/i;

/** The text of a body in the charset its content-type names, UTF-8 otherwise. Never throws: bad bytes become U+FFFD. */
export function decodedText(body: Buffer, contentType: string | undefined): string {
  const charset = contentType === undefined ? undefined : CHARSET.exec(contentType)?.[1];
  if (charset === undefined || /^utf-?8$/i.test(charset)) {
    const text = body.toString('utf8');
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }
  return decoderOf(charset).decode(body);
}

function decoderOf(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}

/**
 * An answer beyond this size is not held where it can pass on as it comes. Smaller ones are judged whole, and another worker is
 * tried when they break off. Measured with `npm run bench:large` [docs/decisions/0014].
 */
export const HELD_ANSWER = 1024 * 1024;

/** Collects a whole answer, up to a limit. */
export class WholeAnswer implements AnswerSink {
  /** Takes over when the answer is large. */
  #rest: AnswerSink | null = null;
  #flow: Flow | null = null;
  #status = 0;
  #headers: AnswerHeaders = {};
  readonly #chunks: Buffer[] = [];
  #size = 0;
  /** Of the memory budget. */
  #held = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly budget: MemoryBudget,
    private readonly resolve: (answer: UpstreamAnswer | Promise<UpstreamAnswer>) => void,
    private readonly reject: (error: UpstreamError) => void,
    /** Where an answer of a success goes that is larger than HELD_ANSWER; `null`: it is collected all the same. */
    private readonly openLarge: (() => AnswerSink) | null = null,
  ) {}

  head(status: number, headers: AnswerHeaders, flow: Flow): void {
    this.#status = status;
    this.#headers = headers;
    this.#flow = flow;
    if (Number(headers['content-length']) > this.maxBytes) throw tooLarge(this.maxBytes);
  }

  chunk(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.maxBytes) throw tooLarge(this.maxBytes);
    if (this.#rest !== null) return this.#rest.chunk(chunk);
    if (this.#size > HELD_ANSWER && this.#mayOpen) return this.#openRest(chunk);
    if (this.#size > COUNTED_ANSWER) this.#hold(this.#size - this.#held);
    this.#chunks.push(chunk);
  }

  fail(error: UpstreamError): void {
    this.#release();
    if (this.#rest !== null) return this.#rest.fail(error);
    this.reject(error);
  }

  end(): void {
    this.#release();
    if (this.#rest !== null) return this.#rest.end();
    const [first] = this.#chunks;
    const body =
      this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks, this.#size);
    if (isPlain(this.#headers) || body.length === 0) this.resolve(this.#answer(body));
    else
      this.resolve(
        withoutCoding(body, this.#headers, this.maxBytes, this.budget).then((bytes) => this.#answer(bytes)),
      );
  }

  /** Compressed answers are decompressed whole; events are collected, since no stream was requested. */
  get #mayOpen(): boolean {
    const isSuccess = this.#status >= 200 && this.#status < 300;
    return this.openLarge !== null && isSuccess && isPlain(this.#headers) && !isEventStream(this.#headers);
  }

  #openRest(last: Buffer): void {
    if (this.openLarge === null || this.#flow === null) return;
    this.#release();
    const rest = (this.#rest = this.openLarge());
    rest.head(this.#status, this.#headers, this.#flow);
    rest.chunk(Buffer.concat([...this.#chunks.splice(0), last], this.#size));
  }

  #hold(bytes: number): void {
    if (!this.budget.tryHold(bytes)) throw noMemory();
    this.#held += bytes;
  }

  #release(): void {
    if (this.#held === 0) return;
    this.budget.release(this.#held);
    this.#held = 0;
  }

  #answer(body: Buffer): UpstreamAnswer {
    return new UpstreamAnswer(this.#status, this.#headers, body);
  }
}

function isPlain({ 'content-encoding': coding }: AnswerHeaders): boolean {
  return coding === undefined || coding === 'identity';
}

/** Decompresses a body: some servers compress without a request to. @throws UpstreamError bad_answer, too_large, no_memory */
export async function withoutCoding(
  body: Buffer,
  headers: AnswerHeaders,
  maxBytes: number,
  budget: MemoryBudget,
): Promise<Buffer> {
  if (isPlain(headers) || body.length === 0) return body;
  const name = single(headers['content-encoding']) ?? '';
  const coding = codingOf(headers);
  if (coding === undefined)
    throw new UpstreamError('bad_answer', `the answer has an unknown content-encoding: ${name}`);
  const held = new HeldBytes(budget);
  try {
    return await decompressed(body, coding, maxBytes, held);
  } catch (cause) {
    if (cause instanceof UpstreamError) throw cause;
    if (cause instanceof RangeError) throw tooLarge(maxBytes);
    throw new UpstreamError('bad_answer', `the answer says it is ${name} and is not`, { cause });
  } finally {
    held.release();
  }
}

/** Thirty kilobytes may hold thirty megabytes: what is large is counted while it grows. */
async function decompressed(
  body: Buffer,
  coding: Coding,
  maxBytes: number,
  held: HeldBytes,
): Promise<Buffer> {
  try {
    return await coding.decompress(body, { maxOutputLength: Math.min(maxBytes, COUNTED_ANSWER) });
  } catch (error) {
    if (!(error instanceof RangeError) || maxBytes <= COUNTED_ANSWER) throw error;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of coding.stream().end(body) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    held.growTo(body.length + size);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** What one answer holds of the budget. */
export class HeldBytes {
  private held = 0;

  constructor(private readonly budget: MemoryBudget) {}

  /** Small answers are not counted. @throws UpstreamError no_memory */
  growTo(bytes: number): void {
    if (bytes <= COUNTED_ANSWER) return;
    if (!this.budget.tryHold(bytes - this.held)) throw noMemory();
    this.held = bytes;
  }

  release(): void {
    this.budget.release(this.held);
    this.held = 0;
  }
}

function noMemory(): UpstreamError {
  return new UpstreamError('no_memory', new MemoryExhaustedError().message);
}

export function tooLarge(maxBytes: number): UpstreamError {
  return new UpstreamError('too_large', `the answer is larger than ${maxBytes} bytes`);
}
