import { decompressor, textOf } from './content-coding.js';
import type { AnswerSink } from './exchange.js';
import type { AnswerHeaders } from './upstream-errors.js';
import { UpstreamError } from './upstream-errors.js';

/** An answer, whole. */
export class UpstreamAnswer {
  constructor(
    readonly status: number,
    /** As they came: `content-length` and `content-encoding` speak of the bytes on the wire, not of `bytes`. */
    readonly headers: AnswerHeaders,
    /** The body, in no coding. */
    readonly bytes: Buffer,
  ) {}

  get text(): string {
    return textOf(this.bytes, single(this.headers['content-type']));
  }
}

const single = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : value?.join(', ');

/** Collects an answer whole, up to a limit. */
export class WholeAnswer implements AnswerSink {
  #status = 0;
  #headers: AnswerHeaders = {};
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly resolve: (answer: UpstreamAnswer | Promise<UpstreamAnswer>) => void,
    readonly fail: (error: UpstreamError) => void,
  ) {}

  head(status: number, headers: AnswerHeaders): void {
    this.#status = status;
    this.#headers = headers;
    if (Number(headers['content-length']) > this.maxBytes) throw this.#tooLarge();
  }

  chunk(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.maxBytes) throw this.#tooLarge();
    this.#chunks.push(chunk);
  }

  end(): void {
    const [first] = this.#chunks;
    const body =
      this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks, this.#size);
    if (isPlain(this.#headers) || body.length === 0) this.resolve(this.#answer(body));
    else this.resolve(withoutCoding(body, this.#headers, this.maxBytes).then((bytes) => this.#answer(bytes)));
  }

  #answer(body: Buffer): UpstreamAnswer {
    return new UpstreamAnswer(this.#status, this.#headers, body);
  }

  #tooLarge(): UpstreamError {
    return tooLarge(this.maxBytes);
  }
}

function isPlain({ 'content-encoding': coding }: AnswerHeaders): boolean {
  return coding === undefined || coding === 'identity';
}

/**
 * The body as it was before its server compressed it: nobody asked for a coding, but there are servers that compress
 * whatever they are asked. @throws UpstreamError malformed, too_large
 */
export async function withoutCoding(body: Buffer, headers: AnswerHeaders, maxBytes: number): Promise<Buffer> {
  if (isPlain(headers) || body.length === 0) return body;
  const coding = single(headers['content-encoding']) ?? '';
  const decompress = decompressor(coding);
  if (decompress === undefined) throw malformed(`the answer is in a coding nobody asked for: ${coding}`);
  try {
    return await decompress(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    const isTooLarge = cause instanceof RangeError;
    throw isTooLarge ? tooLarge(maxBytes) : malformed(`the answer says it is ${coding} and is not`, cause);
  }
}

export const tooLarge = (maxBytes: number): UpstreamError =>
  new UpstreamError('too_large', `the answer is larger than ${maxBytes} bytes`, { answerBegan: true });

const malformed = (message: string, cause?: unknown): UpstreamError =>
  new UpstreamError('malformed', message, { answerBegan: true, cause });
