import { TextDecoder } from 'node:util';
import { codingOf } from './content-coding.js';
import type { AnswerSink } from './exchange.js';
import { UpstreamError } from './failure.js';
import type { AnswerHeaders } from './headers.js';
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

/** Collects a whole answer, up to a limit. */
export class WholeAnswer implements AnswerSink {
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
  ) {}

  head(status: number, headers: AnswerHeaders): void {
    this.#status = status;
    this.#headers = headers;
    if (Number(headers['content-length']) > this.maxBytes) throw tooLarge(this.maxBytes);
  }

  chunk(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.maxBytes) throw tooLarge(this.maxBytes);
    if (this.#size > COUNTED_ANSWER) this.#hold(this.#size - this.#held);
    this.#chunks.push(chunk);
  }

  fail(error: UpstreamError): void {
    this.#release();
    this.reject(error);
  }

  end(): void {
    this.#release();
    const [first] = this.#chunks;
    const body =
      this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks, this.#size);
    if (isPlain(this.#headers) || body.length === 0) this.resolve(this.#answer(body));
    else this.resolve(withoutCoding(body, this.#headers, this.maxBytes).then((bytes) => this.#answer(bytes)));
  }

  #hold(bytes: number): void {
    if (!this.budget.tryHold(bytes)) throw new UpstreamError('no_memory', new MemoryExhaustedError().message);
    this.#held += bytes;
  }

  #release(): void {
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

/** Decompresses a body: some servers compress without a request to. @throws UpstreamError bad_answer, too_large */
export async function withoutCoding(body: Buffer, headers: AnswerHeaders, maxBytes: number): Promise<Buffer> {
  if (isPlain(headers) || body.length === 0) return body;
  const name = single(headers['content-encoding']) ?? '';
  const coding = codingOf(headers);
  if (coding === undefined)
    throw new UpstreamError('bad_answer', `the answer has an unknown content-encoding: ${name}`);
  try {
    return await coding.decompress(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(maxBytes);
    throw new UpstreamError('bad_answer', `the answer says it is ${name} and is not`, { cause });
  }
}

export function tooLarge(maxBytes: number): UpstreamError {
  return new UpstreamError('too_large', `the answer is larger than ${maxBytes} bytes`);
}
